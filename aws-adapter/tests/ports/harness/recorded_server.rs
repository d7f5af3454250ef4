//! A server on loopback that gives recorded answers in order, and records its requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The server's reaction to a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sends this status, these further headers and this body.
    Http(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// Reads the request and closes the connection without an answer.
    Drop,
    /// Reads the request and never answers.
    Hold,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method, path and query.
    pub line: String,
    headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Request {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The server. Its thread ends with the process.
pub(crate) struct RecordedServer {
    /// `http://127.0.0.1:port`.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl RecordedServer {
    /// Gives these answers in this order, then repeats the last one.
    pub(crate) fn answering(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("loopback accepts");
                let Some(request) = read(&mut stream) else { continue };
                let turn = {
                    let mut kept = kept.lock().expect("no test panicked with it");
                    kept.push(request);
                    kept.len() - 1
                };
                match answers.get(turn).or(answers.last()) {
                    Some(Answer::Http(status, headers, body)) => write(&mut stream, *status, headers, body),
                    Some(Answer::Hold) => held.push(stream),
                    Some(Answer::Drop) | None => drop(stream),
                }
            }
        });
        Self { url, requests }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no test panicked with it").clone()
    }
}

/// awsJson: the body contains the code, as `__type`.
pub(crate) fn json(status: u16, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/x-amz-json-1.1")], body)
}

/// rest-json: a header contains the code.
pub(crate) fn rest(status: u16, code: &'static str, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/json"), ("x-amzn-errortype", code)], body)
}

/// rest-xml and the query protocol: `Error` contains the code.
pub(crate) fn xml(status: u16, body: &'static str) -> Answer {
    Answer::Http(status, vec![("content-type", "text/xml")], body)
}

/// Closes the connection after each answer: each request uses its own.
fn write(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &str) {
    let mut head =
        format!("HTTP/1.1 {status} Recorded\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let headers = lines
        .split_off(1)
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
        .collect();
    let mut request = Request { line: lines.pop()?, headers, body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}
