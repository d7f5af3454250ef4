//! The DynamoDB store on recorded error answers, because no emulator throttles, conflicts or loses an answer on demand.
//! The connector below returns the answers in order and records the requests.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error, future};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sluice_commands::ports::{AuditItem, Item, Key, Order, Precondition, Query, Store, StoreError, Write};
use sluice_state::{DynamoStore, TableStatus};

#[derive(Debug, Clone)]
enum Answer {
    Status(u16, Value),
    Reset,
    Refused,
    Timeout,
    /// A connection without an answer, which only the store's own timeout ends.
    Pending,
}

use Answer::{Pending, Refused, Reset, Status, Timeout};

/// A connector that returns the answers in order and fails on an extra request.
#[derive(Debug, Clone, Default)]
struct Recorded {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl HttpConnector for Recorded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        self.requests.lock().push(body.expect("a JSON body"));
        let answer = self.answers.lock().pop_front().expect("no extra request");
        let io = |kind: io::ErrorKind| Box::new(io::Error::from(kind));
        HttpConnectorFuture::new(async move {
            match answer {
                Status(status, body) => Ok(HttpResponse::new(
                    status.try_into().expect("a status"),
                    SdkBody::from(body.to_string()),
                )),
                Reset => Err(ConnectorError::io(io(io::ErrorKind::ConnectionReset))),
                Refused => Err(ConnectorError::io(io(io::ErrorKind::ConnectionRefused))),
                Timeout => Err(ConnectorError::timeout(io(io::ErrorKind::TimedOut))),
                Pending => std::future::pending().await,
            }
        })
    }
}

impl Recorded {
    fn store(answers: &[Answer]) -> (Self, DynamoStore) {
        let credentials = Credentials::new("test", "test", None, None, "test");
        Self::store_as(answers, SharedCredentialsProvider::new(credentials))
    }

    fn store_as(answers: &[Answer], credentials: SharedCredentialsProvider) -> (Self, DynamoStore) {
        let recorded = Recorded { answers: Arc::new(Mutex::new(answers.to_vec().into())), ..Self::default() };
        let connector = recorded.clone();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone())))
            .build();
        (recorded, DynamoStore::new(&config, "sluice"))
    }

    fn requests(&self) -> Vec<Value> {
        assert_eq!(self.answers.lock().len(), 0, "every answer was used");
        self.requests.lock().clone()
    }
}

fn refusal(status: u16, code: &str) -> Answer {
    Status(status, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "why"}))
}

fn cancelled(codes: &[&str]) -> Answer {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code})).collect();
    let code = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    Status(400, json!({"__type": code, "Message": "cancelled", "CancellationReasons": reasons}))
}

fn done() -> Answer {
    Status(200, json!({}))
}

fn put(sort: &str) -> Write {
    let item = Item {
        key: Key { partition: "p".into(), sort: sort.into() },
        schema: 1,
        guards: Default::default(),
        body: json!({}),
        due: None,
        expires: None,
    };
    Write::Put { item, when: Precondition::Absent }
}

/// The kind of an answer, without its text.
fn kind<T>(answer: &Result<T, StoreError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(StoreError::Lost(_)) => "lost",
        Err(StoreError::Again(_)) => "again",
        Err(StoreError::Unknown(_)) => "unknown",
        Err(StoreError::TooLarge(_)) => "too large",
        Err(StoreError::Refused(_)) => "refused",
        Err(StoreError::Corrupt(_)) => "corrupt",
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_write_is_repeated_only_if_nothing_happened() {
    let again = |code| (vec![refusal(400, code), refusal(400, code)], "again");
    let once = |answer, kind| (vec![answer], kind);
    for (answers, expected) in [
        again("ThrottlingException"),
        again("ProvisionedThroughputExceededException"),
        again("RequestLimitExceeded"),
        again("TransactionConflictException"),
        (vec![Refused, Refused], "again"),
        (vec![Refused, done()], "ok"),
        (vec![refusal(400, "ThrottlingException"), Timeout], "unknown"),
        once(Timeout, "unknown"),
        once(Reset, "unknown"),
        once(Pending, "unknown"),
        once(refusal(500, "InternalServerError"), "unknown"),
        once(refusal(503, "ServiceUnavailable"), "unknown"),
        once(refusal(400, "ConditionalCheckFailedException"), "lost"),
        once(refusal(400, "ResourceNotFoundException"), "refused"),
        once(refusal(400, "AccessDeniedException"), "refused"),
        once(refusal(400, "UnrecognizedClientException"), "refused"),
        once(refusal(400, "ExpiredTokenException"), "refused"),
        once(refusal(400, "ValidationException"), "refused"),
        once(done(), "ok"),
    ] {
        let (recorded, store) = Recorded::store(&answers);
        let answer = store.write(put("a")).await;
        assert_eq!(kind(&answer), expected, "{answers:?} gave {answer:?}");
        assert_eq!(recorded.requests().len(), answers.len());
        assert_eq!(store.consumed().requests, answers.len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_repeated_with_its_token() {
    let throttled = || refusal(400, "ThrottlingException");
    for (answers, expected) in [
        (vec![Timeout, done()], "ok"),
        (vec![Reset, done()], "ok"),
        (vec![Pending, done()], "ok"),
        (vec![refusal(500, "InternalServerError"), done()], "ok"),
        (vec![refusal(400, "TransactionInProgressException"), done()], "ok"),
        (vec![throttled(), done()], "ok"),
        (vec![Timeout, cancelled(&["ConditionalCheckFailed"])], "lost"),
        (vec![throttled(), throttled()], "again"),
        // The first attempt may have written, so the outcome stays unknown.
        (vec![Timeout, throttled()], "unknown"),
        (vec![Timeout, Refused], "unknown"),
        (vec![Timeout, refusal(400, "ExpiredTokenException")], "unknown"),
        (vec![refusal(400, "IdempotentParameterMismatchException")], "refused"),
    ] {
        let (recorded, store) = Recorded::store(&answers);
        let answer = store.transact("token", vec![put("a")]).await;
        assert_eq!(kind(&answer), expected, "{answers:?} gave {answer:?}");
        let requests = recorded.requests();
        assert_eq!(requests.len(), answers.len());
        for request in &requests {
            assert_eq!(request, &requests[0]);
            assert_eq!(request["ClientRequestToken"], "token");
            assert_eq!(request["ReturnConsumedCapacity"], "TOTAL");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_transaction_is_classified_by_its_reasons() {
    let lost = Err(StoreError::Lost(vec![1, 2]));
    let codes = ["TransactionConflict", "ConditionalCheckFailed", "ConditionalCheckFailed", "None"];
    let (_, store) = Recorded::store(&[cancelled(&codes)]);
    assert_eq!(store.transact("t", vec![put("a")]).await, lost, "a failed condition decides over a conflict");

    for (codes, expected) in [
        (["TransactionConflict", "None"], "again"),
        (["ThrottlingError", "ProvisionedThroughputExceeded"], "again"),
        (["TransactionConflict", "ValidationError"], "refused"),
        (["ItemCollectionSizeLimitExceeded", "None"], "refused"),
    ] {
        let (_, store) = Recorded::store(&[cancelled(&codes), cancelled(&codes)]);
        assert_eq!(kind(&store.transact("t", vec![put("a")]).await), expected, "{codes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reads_are_repeated_and_unread_keys_are_requested_again() {
    let key = |sort: &str| json!({"pk": {"S": "p"}, "sk": {"S": sort}});
    let item = |sort: &str| {
        let mut item = key(sort);
        item["v"] = json!({"N": "1"});
        item["b"] = json!({"S": "{}"});
        item
    };
    let page = |sort: &str, unread: Value| {
        let units = json!([{"TableName": "sluice", "CapacityUnits": 1.0}]);
        Status(
            200,
            json!({"Responses": {"sluice": [item(sort)]}, "UnprocessedKeys": unread, "ConsumedCapacity": units}),
        )
    };
    let unread = json!({"sluice": {"Keys": [key("b")], "ConsistentRead": true}});
    let (recorded, store) = Recorded::store(&[Timeout, page("a", unread), page("b", json!({}))]);
    let keys = ["a", "b"].map(|sort| Key { partition: "p".into(), sort: sort.into() });
    let found = store.get_many(&keys).await.expect("both items");
    assert_eq!(found.into_iter().map(|item| item.key).collect::<Vec<_>>(), keys);
    let requests = recorded.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[2]["RequestItems"]["sluice"]["Keys"], json!([key("b")]));
    assert_eq!(requests[2]["RequestItems"]["sluice"]["ConsistentRead"], true);
    assert_eq!(store.consumed().read_units, 2.0);

    let mut broken = item("a");
    broken["b"] = json!({"S": "{"});
    let (_, store) = Recorded::store(&[Status(200, json!({"Item": broken}))]);
    assert_eq!(kind(&store.get(&keys[0]).await), "corrupt");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_guards_does_not_include_the_body() {
    let (recorded, store) = Recorded::store(&[done()]);
    let Write::Put { item, .. } = put("a") else { unreachable!("a put") };
    let update = Write::Update {
        key: item.key,
        set: [("fence".to_owned(), sluice_commands::ports::Guard::Number(2))].into(),
        due: sluice_commands::ports::DueChange::Never,
        when: Precondition::Any,
    };
    store.write(update).await.expect("written");
    let request = &recorded.requests()[0];
    assert_eq!(request["UpdateExpression"], "SET #0 = :0 REMOVE ds, du");
    assert_eq!(request["ConditionExpression"], "attribute_exists(pk)");
    assert_eq!(request["ExpressionAttributeNames"], json!({"#0": "g_fence"}));
}

/// The store sends nothing without credentials. Missing ones need a person; a failed fetch may succeed later.
#[tokio::test(start_paused = true)]
async fn missing_credentials_are_refused_and_a_failed_fetch_is_retried() {
    #[derive(Debug)]
    struct NoCredentials {
        fetch_failed: bool,
    }
    impl ProvideCredentials for NoCredentials {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let none = error::CredentialsError::not_loaded("there are none");
            let failed = error::CredentialsError::provider_error("503");
            future::ProvideCredentials::ready(Err(if self.fetch_failed { failed } else { none }))
        }
    }
    for (fetch_failed, expected) in [(false, "refused"), (true, "again")] {
        let (recorded, store) =
            Recorded::store_as(&[], SharedCredentialsProvider::new(NoCredentials { fetch_failed }));
        let answer = store.transact("t", vec![put("a")]).await;
        assert_eq!(kind(&answer), expected, "{answer:?}");
        assert_eq!(recorded.requests().len(), 0);
    }
}

/// A process does not start to serve without the audit table.
#[tokio::test]
async fn a_missing_audit_table_is_reported_by_name() {
    let keys = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let index = json!({"IndexName": "due", "IndexStatus": "ACTIVE", "KeySchema": keys("ds", "du")});
    let items = json!({"Table": {
        "TableName": "sluice", "TableStatus": "ACTIVE", "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [index],
    }});
    let answers = [Status(200, items), refusal(400, "ResourceNotFoundException")];
    let (recorded, store) = Recorded::store(&answers);
    assert_eq!(store.table_status().await, Ok(TableStatus::Missing("sluice-audit".into())));
    let tables: Vec<_> =
        recorded.requests().into_iter().map(|request| request["TableName"].clone()).collect();
    assert_eq!(tables, ["sluice", "sluice-audit"]);
}

/// IAM allows only puts and queries on the audit table, so the store must not send anything else.
#[tokio::test]
async fn audit_records_are_put_and_queried_in_their_own_table() {
    let (recorded, store) = Recorded::store(&[done(), done(), Status(200, json!({"Items": []}))]);
    let key = || Key { partition: "p".into(), sort: "s".into() };
    let add = || Write::Audit { item: AuditItem { key: key(), schema: 1, body: json!({}) } };
    store.write(add()).await.expect("a record");
    store.transact("t", vec![put("a"), add()]).await.expect("a transaction");
    let query = Query {
        partition: "p".into(),
        prefix: String::new(),
        order: Order::Ascending,
        limit: Some(1),
        after: None,
    };
    store.audit_records(query).await.expect("a query");
    let requests = recorded.requests();
    assert_eq!(requests[0]["TableName"], "sluice-audit");
    assert_eq!(requests[0]["ConditionExpression"], "attribute_not_exists(pk)");
    let members = requests[1]["TransactItems"].as_array().expect("members");
    assert_eq!(members[0]["Put"]["TableName"], "sluice");
    assert_eq!(members[1]["Put"]["TableName"], "sluice-audit");
    assert_eq!(members[1]["Put"]["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(requests[2]["TableName"], "sluice-audit");
    assert!(requests[2]["KeyConditionExpression"].is_string(), "a query");
}

/// The store sends a deletion of an absent record on the condition that it exists, so it never deletes one.
#[tokio::test]
async fn the_check_for_deletable_audit_records_deletes_none() {
    let answers = [
        refusal(400, "AccessDeniedException"),
        refusal(400, "ConditionalCheckFailedException"),
        refusal(400, "ResourceNotFoundException"),
    ];
    let (recorded, store) = Recorded::store(&answers);
    assert_eq!(store.may_delete_audit_records().await, Ok(false));
    assert_eq!(store.may_delete_audit_records().await, Ok(true));
    assert!(matches!(store.may_delete_audit_records().await, Err(StoreError::Refused(_))));
    for request in recorded.requests() {
        assert_eq!(request["TableName"], "sluice-audit");
        assert_eq!(request["ConditionExpression"], "attribute_exists(#p)");
    }
}
