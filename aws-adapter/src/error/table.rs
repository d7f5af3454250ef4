//! The meaning of AWS errors, as one table: where the error was returned, its code, a part of its message, and its class.
//!
//! The first matching row counts, so rows that match a message precede rows that match only a code. The first column is a
//! call (`lambda:Invoke`), a service (`lambda`), or empty for all. Messages are compared case-insensitively.
//!
//! `tests/errors/shapes.tsv` contains every error in the service models of our calls, and
//! `tests/errors/sentences.tsv` messages that services are known to send; the tests check this table against both.

use sluice_model::Class;

use Class::{Absent, Ambiguous, Busy, Conflict, Denied, Invalid, Precondition, Quota, Throttled, Transient};

type Row = (&'static str, &'static str, &'static str, Class);

/// Codes with several meanings, which the call or the message decides.
const BY_SENTENCE: &[Row] = &[
    // A new role is not known everywhere yet.
    ("lambda", "InvalidParameterValueException", "cannot be assumed by lambda", Busy),
    ("lambda", "AccessDeniedException", "cannot be assumed by lambda", Busy),
    ("lambda", "InvalidParameterValueException", "execution role does not have permissions", Busy),
    ("lambda", "InvalidParameterValueException", "KMS key is invalid for CreateGrant", Busy),
    ("lambda", "InvalidParameterValueException", "does not refer to a valid principal", Busy),
    ("lambda", "InvalidParameterValueException", "throttled by EC2", Throttled),
    ("codebuild", "InvalidInputException", "not authorized to perform: sts:AssumeRole", Busy),
    ("s3:PutBucketPolicy", "MalformedPolicy", "invalid principal", Busy),
    // The change in progress must end first.
    ("lambda", "ResourceConflictException", "in progress", Busy),
    ("lambda", "ResourceConflictException", "cannot be performed at this time", Busy),
    ("lambda", "ResourceConflictException", "concurrent update", Busy),
    ("apigatewayv2", "ConflictException", "concurrent modification", Busy),
    ("apigatewayv2", "ConflictException", "try again later", Busy),
    ("apigateway", "", "concurrent modification", Busy),
    ("apigateway", "ConflictException", "try again later", Busy),
    ("apigateway", "BadRequestException", "already an update in progress", Busy),
    // A stage serves the deployment.
    (
        "apigateway:DeleteDeployment",
        "BadRequestException",
        "active stages pointing to this deployment",
        Conflict,
    ),
    (
        "apigatewayv2:DeleteDeployment",
        "BadRequestException",
        "active stages pointing to this deployment",
        Conflict,
    ),
    // Preconditions.
    ("lambda:PublishVersion", "InvalidParameterValueException", "CodeSHA256", Precondition),
    // Quotas, with a code that also means something else. API Gateway sends them with status 429, too.
    ("lambda:PutFunctionConcurrency", "InvalidParameterValueException", "below its minimum value", Quota),
    ("apigatewayv2", "", "maximum number of", Quota),
    ("apigatewayv2", "", "contact AWS if you need additional", Quota),
    ("apigateway", "", "maximum number of", Quota),
    ("apigateway", "", "contact AWS if you need additional", Quota),
    // A new account may not build at all; any other queue drains.
    ("codebuild:StartBuild", "AccountLimitExceededException", "more than 0 builds", Quota),
    ("codebuild:StartBuild", "AccountLimitExceededException", "", Throttled),
    ("iam", "MalformedPolicyDocument", "invalid principal", Busy),
    // CloudFormation has one code for nearly everything. `Stack with id x`, `Stack [x]` and `ChangeSet [x]` do not exist; nor
    // does a stack that has only a change set of the other kind.
    ("cloudformation", "ValidationError", "parameter value", Invalid),
    ("cloudformation", "ValidationError", "does not exist", Absent),
    // An empty stack never leaves this status by waiting.
    ("cloudformation", "ValidationError", "REVIEW_IN_PROGRESS state", Precondition),
    ("cloudformation", "ValidationError", "_IN_PROGRESS state", Busy),
    ("cloudformation", "ValidationError", "state and can", Precondition),
    ("cloudformation", "ValidationError", "cannot be deleted while in status", Busy),
    ("cloudformation", "ValidationError", "cannot be created again with the changeSet", Precondition),
    ("cloudformation", "ValidationError", "while TerminationProtection is enabled", Precondition),
    ("cloudformation", "ValidationError", "cannot be called from current stack status", Precondition),
    ("cloudformation", "ValidationError", "is invalid or cannot be assumed", Busy),
    ("cloudformation", "ValidationError", "drift detection is already in progress", Busy),
    ("cloudformation", "InvalidChangeSetStatus", "currently in progress", Busy),
    ("cloudformation", "InvalidChangeSetStatus", "[CREATE_IN_PROGRESS]", Busy),
    ("cloudformation", "InvalidChangeSetStatus", "[CREATE_PENDING]", Busy),
];

/// Decided by the code alone.
const BY_CODE: &[Row] = &[
    ("", "BandwidthLimitExceeded", "", Throttled),
    ("", "EC2ThrottledException", "", Throttled),
    ("", "KmsThrottled", "", Throttled),
    ("", "OverLimit", "", Throttled),
    // Several changes of one parameter within seconds.
    ("ssm", "TooManyUpdates", "", Throttled),
    ("", "PriorRequestNotComplete", "", Throttled),
    ("", "ProvisionedThroughputExceededException", "", Throttled),
    ("", "RequestLimitExceeded", "", Throttled),
    ("", "RequestThrottled", "", Throttled),
    ("", "RequestThrottledException", "", Throttled),
    ("", "SlowDown", "", Throttled),
    ("", "ThrottledException", "", Throttled),
    ("", "Throttling", "", Throttled),
    ("", "ThrottlingException", "", Throttled),
    ("", "TooManyRequestsException", "", Throttled),
    // Refused because another change is in progress, or the resource is not ready.
    // A queue of this name was deleted in the last minute.
    ("", "AWS.SimpleQueueService.QueueDeletedRecently", "", Busy),
    ("", "QueueDeletedRecently", "", Busy),
    ("", "CodeArtifactUserDeletedException", "", Busy),
    ("", "CodeArtifactUserPendingException", "", Busy),
    ("", "ConcurrentModification", "", Busy),
    ("", "ConditionalRequestConflict", "", Busy),
    ("", "ENINotReadyException", "", Busy),
    ("", "EntityTemporarilyUnmodifiable", "", Busy),
    ("", "OperationAborted", "", Busy),
    ("", "OperationAbortedException", "", Busy),
    ("", "ResourceNotReadyException", "", Busy),
    ("", "SnapStartNotReadyException", "", Busy),
    // Refused before any work, for a temporary reason.
    ("", "EncryptionKeyUnavailableException", "", Transient),
    ("ssm:DeleteParameter", "InternalServerError", "", Ambiguous),
    ("ssm:PutParameter", "InternalServerError", "", Ambiguous),
    ("ssm", "InternalServerError", "", Transient),
    ("", "RequestTimeout", "", Transient),
    ("", "ServiceUnavailable", "", Transient),
    ("", "ServiceUnavailableException", "", Transient),
    // A precondition failed.
    ("", "ConcurrentReferenceUpdateException", "", Precondition),
    ("", "ParentCommitIdOutdatedException", "", Precondition),
    ("", "ParentCommitIdRequiredException", "", Precondition),
    ("", "PreconditionFailed", "", Precondition),
    ("", "PreconditionFailedException", "", Precondition),
    // The resource exists already.
    ("", "AWS.SimpleQueueService.QueueNameExists", "", Conflict),
    ("", "AlreadyExistsException", "", Conflict),
    ("", "BranchNameExistsException", "", Conflict),
    ("", "BucketAlreadyExists", "", Conflict),
    ("", "BucketAlreadyOwnedByYou", "", Conflict),
    ("", "ConflictException", "", Conflict),
    ("", "DeleteConflict", "", Conflict),
    ("", "DurableExecutionAlreadyStartedException", "", Conflict),
    ("", "EntityAlreadyExists", "", Conflict),
    // Executed already, perhaps by our own first request.
    ("", "InvalidChangeSetStatus", "", Conflict),
    ("", "ParameterAlreadyExists", "", Conflict),
    ("", "QueueAlreadyExists", "", Conflict),
    ("", "QueueNameExists", "", Conflict),
    ("", "RepositoryNameExistsException", "", Conflict),
    ("", "ResourceAlreadyExistsException", "", Conflict),
    ("", "ResourceConflictException", "", Conflict),
    ("", "ResourceInUseException", "", Conflict),
    ("", "TokenAlreadyExistsException", "", Conflict),
    // The resource does not exist.
    ("", "AWS.SimpleQueueService.NonExistentQueue", "", Absent),
    ("", "BranchDoesNotExistException", "", Absent),
    ("", "ChangeSetNotFound", "", Absent),
    ("", "CommitDoesNotExistException", "", Absent),
    ("", "CommitIdDoesNotExistException", "", Absent),
    ("", "NoSuchBucket", "", Absent),
    ("", "NoSuchBucketPolicy", "", Absent),
    ("", "NoSuchEntity", "", Absent),
    ("", "NoSuchKey", "", Absent),
    ("", "NoSuchLifecycleConfiguration", "", Absent),
    ("", "NoSuchPublicAccessBlockConfiguration", "", Absent),
    ("", "NoSuchTagSet", "", Absent),
    ("", "NoSuchVersion", "", Absent),
    ("", "NotFound", "", Absent),
    ("", "NotFoundException", "", Absent),
    ("", "ParameterNotFound", "", Absent),
    ("", "QueueDoesNotExist", "", Absent),
    ("ssm:ListTagsForResource", "InvalidResourceId", "", Absent),
    ("", "RepositoryDoesNotExistException", "", Absent),
    ("", "ResourceNotFoundException", "", Absent),
    // Missing permissions, or credentials that are wrong, expired or missing.
    ("", "AccessDenied", "", Denied),
    ("", "AccessDeniedException", "", Denied),
    ("", "AuthFailure", "", Denied),
    ("", "EC2AccessDeniedException", "", Denied),
    ("", "EncryptionKeyAccessDeniedException", "", Denied),
    ("", "ExpiredToken", "", Denied),
    ("", "ExpiredTokenException", "", Denied),
    ("", "IncompleteSignature", "", Denied),
    ("", "IncompleteSignatureException", "", Denied),
    ("", "InvalidAccessKeyId", "", Denied),
    ("", "InvalidClientTokenId", "", Denied),
    ("", "InvalidSecurity", "", Denied),
    ("", "InvalidSignatureException", "", Denied),
    ("", "InvalidToken", "", Denied),
    ("", "KMSAccessDeniedException", "", Denied),
    ("", "KmsAccessDenied", "", Denied),
    ("", "KmsOptInRequired", "", Denied),
    ("", "MissingAuthenticationToken", "", Denied),
    ("", "MissingAuthenticationTokenException", "", Denied),
    ("", "NotAuthorized", "", Denied),
    ("", "OptInRequired", "", Denied),
    ("", "RequestExpired", "", Denied),
    ("", "RequestTimeTooSkewed", "", Denied),
    ("", "SignatureDoesNotMatch", "", Denied),
    ("", "UnauthorizedOperation", "", Denied),
    ("", "UnrecognizedClientException", "", Denied),
    // Quotas.
    ("", "AccountLimitExceededException", "", Quota),
    ("", "AliasLimitExceededException", "", Quota),
    ("", "CodeStorageExceededException", "", Quota),
    ("", "ENILimitReachedException", "", Quota),
    ("", "FunctionVersionsPerCapacityProviderLimitExceededException", "", Quota),
    ("", "LimitExceeded", "", Quota),
    ("", "LimitExceededException", "", Quota),
    ("", "ParameterLimitExceeded", "", Quota),
    ("", "ParameterMaxVersionLimitExceeded", "", Quota),
    ("", "PoliciesLimitExceededException", "", Quota),
    ("", "PolicyLengthExceededException", "", Quota),
    ("", "RepositoryLimitExceededException", "", Quota),
    ("", "ServiceQuotaExceededException", "", Quota),
    ("", "SubnetIPAddressLimitReachedException", "", Quota),
    ("", "TooManyBuckets", "", Quota),
    // Refused with a 4xx, a 5xx or even a 409, but a retry would not help.
    ("", "CodeArtifactUserFailedException", "", Invalid),
    ("", "CodeSigningConfigNotFoundException", "", Invalid),
    ("", "InsufficientCapabilitiesException", "", Invalid),
    ("", "InvalidObjectState", "", Invalid),
    ("", "InvalidRuntimeException", "", Invalid),
    ("", "InvalidSecurityGroupIDException", "", Invalid),
    ("", "InvalidSubnetIDException", "", Invalid),
    ("", "InvalidZipFileException", "", Invalid),
    ("", "KMSDisabledException", "", Invalid),
    ("", "KMSInvalidStateException", "", Invalid),
    ("", "KMSNotFoundException", "", Invalid),
    ("", "RuntimeAliasDeletedException", "", Invalid),
    ("", "RuntimeVersionDeletedException", "", Invalid),
    ("", "SnapStartRegenerationFailureException", "", Invalid),
    ("lambda", "EFSMountFailureException", "", Invalid),
    ("lambda", "S3FilesMountFailureException", "", Invalid),
];

/// The class of a service's error, if the table has it.
pub(super) fn lookup(call: &str, code: &str, message: &str) -> Option<Class> {
    let message = message.to_ascii_lowercase();
    let fits = |(place, is, says, _): &&Row| {
        let here = place.is_empty()
            || *place == call
            || call.split_once(':').is_some_and(|(service, _)| service == *place);
        here && (is.is_empty() || *is == code) && message.contains(&says.to_ascii_lowercase())
    };
    BY_SENTENCE.iter().chain(BY_CODE).find(fits).map(|(.., class)| *class)
}
