//! What an error of AWS means, as one table: where it was said, its code, a part of its message, and its class.
//!
//! The first row that fits counts, so that what a sentence decides stands before what a code decides. `where` is a call
//! (`lambda:Invoke`), a service (`lambda`), or nothing: everywhere. Messages are compared without regard to case.
//!
//! `tests/errors/shapes.tsv` holds every error that the service models know of the calls that we make, and
//! `tests/errors/sentences.tsv` messages that services are known to send; the tests hold this table against both.

use sluice_model::Class;

use Class::{Absent, Busy, Conflict, Denied, Invalid, Precondition, Quota, Throttled, Transient};

type Row = (&'static str, &'static str, &'static str, Class);

/// Where a code means different things, and the call or the message decides.
const BY_SENTENCE: &[Row] = &[
    // A role that was made a moment ago is not known everywhere yet.
    ("lambda", "InvalidParameterValueException", "cannot be assumed by lambda", Busy),
    ("lambda", "AccessDeniedException", "cannot be assumed by lambda", Busy),
    ("lambda", "InvalidParameterValueException", "execution role does not have permissions", Busy),
    ("lambda", "InvalidParameterValueException", "KMS key is invalid for CreateGrant", Busy),
    ("lambda", "InvalidParameterValueException", "does not refer to a valid principal", Busy),
    ("lambda", "InvalidParameterValueException", "throttled by EC2", Throttled),
    ("codebuild", "InvalidInputException", "not authorized to perform: sts:AssumeRole", Busy),
    ("s3:PutBucketPolicy", "MalformedPolicy", "invalid principal", Busy),
    // A change must end before the next one begins.
    ("lambda", "ResourceConflictException", "in progress", Busy),
    ("lambda", "ResourceConflictException", "cannot be performed at this time", Busy),
    ("lambda", "ResourceConflictException", "concurrent update", Busy),
    ("apigatewayv2", "ConflictException", "concurrent modification", Busy),
    ("apigatewayv2", "ConflictException", "try again later", Busy),
    // Preconditions.
    ("lambda:PublishVersion", "InvalidParameterValueException", "CodeSHA256", Precondition),
    // Quotas, by the code of something else. API Gateway says so with status 429, too.
    ("apigatewayv2", "", "maximum number of", Quota),
    ("apigatewayv2", "", "contact AWS if you need additional", Quota),
    // A new account may not build at all; any other queue empties.
    ("codebuild:StartBuild", "AccountLimitExceededException", "more than 0 builds", Quota),
    ("codebuild:StartBuild", "AccountLimitExceededException", "", Throttled),
    ("iam", "MalformedPolicyDocument", "invalid principal", Busy),
];

/// By code alone.
const BY_CODE: &[Row] = &[
    ("", "BandwidthLimitExceeded", "", Throttled),
    ("", "EC2ThrottledException", "", Throttled),
    ("", "KmsThrottled", "", Throttled),
    ("", "OverLimit", "", Throttled),
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
    // Refused because something else is being changed, or is not ready yet.
    // A queue of that name was deleted in the last minute.
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
    // Refused at the door, for a reason that passes.
    ("", "EncryptionKeyUnavailableException", "", Transient),
    ("", "RequestTimeout", "", Transient),
    ("", "ServiceUnavailable", "", Transient),
    ("", "ServiceUnavailableException", "", Transient),
    // What did not hold.
    ("", "ConcurrentReferenceUpdateException", "", Precondition),
    ("", "ParentCommitIdOutdatedException", "", Precondition),
    ("", "ParentCommitIdRequiredException", "", Precondition),
    ("", "PreconditionFailed", "", Precondition),
    ("", "PreconditionFailedException", "", Precondition),
    // What exists already.
    ("", "AWS.SimpleQueueService.QueueNameExists", "", Conflict),
    ("", "BranchNameExistsException", "", Conflict),
    ("", "BucketAlreadyExists", "", Conflict),
    ("", "BucketAlreadyOwnedByYou", "", Conflict),
    ("", "ConflictException", "", Conflict),
    ("", "DeleteConflict", "", Conflict),
    ("", "DurableExecutionAlreadyStartedException", "", Conflict),
    ("", "EntityAlreadyExists", "", Conflict),
    ("", "QueueAlreadyExists", "", Conflict),
    ("", "QueueNameExists", "", Conflict),
    ("", "RepositoryNameExistsException", "", Conflict),
    ("", "ResourceAlreadyExistsException", "", Conflict),
    ("", "ResourceConflictException", "", Conflict),
    ("", "ResourceInUseException", "", Conflict),
    // What is not there.
    ("", "AWS.SimpleQueueService.NonExistentQueue", "", Absent),
    ("", "BranchDoesNotExistException", "", Absent),
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
    ("", "QueueDoesNotExist", "", Absent),
    ("", "RepositoryDoesNotExistException", "", Absent),
    ("", "ResourceNotFoundException", "", Absent),
    // The rights are missing, or what shows who we are is wrong, too old or not there.
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
    ("", "PolicyLengthExceededException", "", Quota),
    ("", "RepositoryLimitExceededException", "", Quota),
    ("", "ServiceQuotaExceededException", "", Quota),
    ("", "SubnetIPAddressLimitReachedException", "", Quota),
    ("", "TooManyBuckets", "", Quota),
    // A 4xx, a 5xx or even a 409 by its status, but nothing that asking again would change.
    ("", "CodeArtifactUserFailedException", "", Invalid),
    ("", "CodeSigningConfigNotFoundException", "", Invalid),
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

/// The class of an error that a service gave, if the table has it.
pub(super) fn listed(call: &str, code: &str, message: &str) -> Option<Class> {
    let message = message.to_ascii_lowercase();
    let fits = |(place, is, says, _): &&Row| {
        let here = place.is_empty()
            || *place == call
            || call.split_once(':').is_some_and(|(service, _)| service == *place);
        here && (is.is_empty() || *is == code) && message.contains(&says.to_ascii_lowercase())
    };
    BY_SENTENCE.iter().chain(BY_CODE).find(fits).map(|(.., class)| *class)
}
