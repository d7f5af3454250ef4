use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pool::Pool;
use super::*;
use crate::tasks::{Kind, Tasks};

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

/// Serves one connection and returns its other end.
fn connected(pool: &Arc<Pool>, stopping: &CancellationToken) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let connection = Connection::admit(pool).expect("a slot");
    let served = connection::serve(theirs, connection, app(), Limits::PUBLIC, stopping.clone());
    Tasks::new().spawn(Kind::Connection, served);
    ours
}

fn alone() -> DuplexStream {
    connected(&Arc::new(Pool::new("test", 10)), &CancellationToken::new())
}

/// All bytes until the stream is closed, and the seconds until then.
async fn to_the_end(mut stream: DuplexStream) -> (String, u64) {
    let began = Instant::now();
    let mut answer = String::new();
    // A reset is an end, too.
    let _ = stream.read_to_string(&mut answer).await;
    (answer, began.elapsed().as_secs())
}

/// Reads one answer, by the end of its body.
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
async fn missing_headers_time_out() {
    let silent = alone();
    assert_eq!(to_the_end(silent).await, (String::new(), 5));
    let mut half = alone();
    half.write_all(b"POST /slack/events HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    assert_eq!(to_the_end(half).await, (String::new(), 5));
}

#[tokio::test(start_paused = true)]
async fn slow_headers_time_out() {
    let mut drip = alone();
    let began = Instant::now();
    while drip.write_all(b"a").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_reused_within_its_limits() {
    let mut kept = alone();
    for _ in 0..3 {
        kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_secs(70)).await;
    }
    // The deadline of a request starts with its first byte.
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
    assert!(closed, "the answer after five minutes closes it");
    assert_eq!(to_the_end(old).await.0, "");
}

#[tokio::test(start_paused = true)]
async fn too_many_headers_are_refused() {
    let mut stream = alone();
    let lines: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
    // The server may close it before it has read everything.
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
async fn at_the_limit_the_longest_waiting_connection_is_closed_and_never_slacks() {
    let (pool, stopping) = (Arc::new(Pool::new("test", 2)), CancellationToken::new());
    let mut slacks = connected(&pool, &stopping);
    slacks.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let silent = connected(&pool, &stopping);
    // Let the first one be trusted.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut third = connected(&pool, &stopping);
    assert_eq!(to_the_end(silent).await, (String::new(), 0));
    third.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(Connection::admit(&pool).is_none(), "both are trusted");
    assert!(answer(&mut slacks).await.contains("late"));
    assert!(answer(&mut third).await.contains("late"));
    // After their answers they may be closed.
    assert!(Connection::admit(&pool).is_some());
    drop((slacks, third));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(Connection::admit(&pool).is_some() && Connection::admit(&pool).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_answers_slack_and_drops_the_rest() {
    let (pool, stopping) = (Arc::new(Pool::new("test", 10)), CancellationToken::new());
    let (silent, mut strangers, mut slacks) =
        (connected(&pool, &stopping), connected(&pool, &stopping), connected(&pool, &stopping));
    strangers.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    slacks.write_all(b"GET /slow?trusted HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    stopping.cancel();
    assert_eq!(to_the_end(silent).await, (String::new(), 0));
    assert_eq!(to_the_end(strangers).await, (String::new(), 1));
    let (answer, _) = to_the_end(slacks).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late\n"), "{answer}");
}

/// With real sockets: more silent connections than slots do not block a request.
#[tokio::test]
async fn silent_connections_do_not_block_others() {
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
