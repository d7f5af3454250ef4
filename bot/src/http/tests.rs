use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;

fn app() -> Router {
    Router::new().route("/", get(|| async { "here\n" })).route(
        "/slow",
        get(|request: axum::extract::Request| async move {
            if request.uri().query() == Some("trusted") {
                request.extensions().get::<Arc<Connection>>().unwrap().trust();
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            "late\n"
        }),
    )
}

/// Serves one connection; its other end.
fn connected(open: &Arc<Open>, stopping: &CancellationToken) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let connection = open.admit().expect("a place");
    let served = connection::serve(theirs, connection, app(), Limits::PUBLIC, stopping.clone());
    Tasks::new().spawn(Kind::Connection, served);
    ours
}

fn alone() -> DuplexStream {
    connected(&Arc::new(Open::new("test", 10)), &CancellationToken::new())
}

/// All that comes until it is closed, and after how long it is.
async fn to_the_end(mut stream: DuplexStream) -> (String, u64) {
    let began = Instant::now();
    let mut answer = String::new();
    // Closed in the midst of something is closed.
    let _ = stream.read_to_string(&mut answer).await;
    (answer, began.elapsed().as_secs())
}

/// One answer, with the body that all have.
async fn answer(stream: &mut DuplexStream) -> String {
    let mut answer = String::new();
    while !answer.ends_with("\n\r\nhere\n") && !answer.ends_with("\n\r\nlate\n") {
        let mut bytes = [0; 1_024];
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn headers_that_do_not_come_are_not_waited_for() {
    let silent = alone();
    assert_eq!(to_the_end(silent).await, (String::new(), 5));
    let mut half = alone();
    half.write_all(b"POST /slack/events HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    assert_eq!(to_the_end(half).await, (String::new(), 5));
}

#[tokio::test(start_paused = true)]
async fn a_header_that_comes_byte_by_byte_is_not_waited_for_either() {
    let mut drip = alone();
    let began = Instant::now();
    while drip.write_all(b"a").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_the_next_request_but_not_for_ever() {
    let mut kept = alone();
    for _ in 0..3 {
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_secs(70)).await;
    }
    // The next request has to come whole, though it was long in coming.
    kept.write_all(b"GET / HT").await.unwrap();
    assert_eq!(to_the_end(kept).await, (String::new(), 5));

    let mut idle = alone();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(&mut idle).await;
    assert_eq!(to_the_end(idle).await, (String::new(), 75));

    let mut old = alone();
    let mut closed = false;
    for _ in 0..6 {
        old.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        closed = answer(&mut old).await.contains("connection: close");
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    assert!(closed, "the answer after five minutes is the last");
    assert_eq!(to_the_end(old).await.0, "");
}

#[tokio::test(start_paused = true)]
async fn too_many_headers_are_refused() {
    let mut stream = alone();
    let lines: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
    // It may be closed before all of it was read.
    let (sent, (answer, _)) = {
        let (mut read, mut write) = tokio::io::split(stream);
        let reading = async {
            let mut answer = String::new();
            let _ = read.read_to_string(&mut answer).await;
            (answer, 0)
        };
        futures::future::join(async { write.write_all(request.as_bytes()).await.is_ok() }, reading).await
    };
    let _ = sent;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    stream = alone();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(self::answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn one_more_than_there_may_be_closes_the_one_that_has_waited_longest_but_none_that_is_slacks() {
    let (open, stopping) = (Arc::new(Open::new("test", 2)), CancellationToken::new());
    let mut slacks = connected(&open, &stopping);
    slacks.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let silent = connected(&open, &stopping);
    // So that the first is known to be Slack's.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut third = connected(&open, &stopping);
    assert_eq!(to_the_end(silent).await, (String::new(), 0));
    third.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(open.admit().is_none(), "both are Slack's");
    assert!(answer(&mut slacks).await.contains("late"));
    assert!(answer(&mut third).await.contains("late"));
    // Answered, they may give way.
    assert!(open.admit().is_some());
    drop((slacks, third));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(open.admit().is_some() && open.admit().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_answers_slack_and_waits_for_nobody_else() {
    let (open, stopping) = (Arc::new(Open::new("test", 10)), CancellationToken::new());
    let (silent, mut strangers, mut slacks) =
        (connected(&open, &stopping), connected(&open, &stopping), connected(&open, &stopping));
    strangers.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    slacks.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    stopping.cancel();
    assert_eq!(to_the_end(silent).await, (String::new(), 0));
    assert_eq!(to_the_end(strangers).await, (String::new(), 1));
    let (answer, _) = to_the_end(slacks).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late\n"), "{answer}");
}

/// With real sockets: more connections than places, all of them silent, and an answer nevertheless.
#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 4, ..Limits::PUBLIC };
    tasks.spawn(Kind::Listener, serve(listener, app(), limits, tasks.clone()));
    let mut silent = vec![];
    for _ in 0..12 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("here\n"), "{answer}");
    assert!(tasks.shut_down().await);
    drop(silent);
}
