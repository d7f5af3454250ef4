//! A server on loopback that gives recorded answers one after another, and keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server does with the next request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Answers with status, further headers and body.
    Http(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// Reads the request and closes the connection without a word.
    Drop,
    /// Reads the request and never answers.
    Hold,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method, path and query.
    pub line: String,
    /// `name: value`, the name in small letters.
    pub headers: Vec<String>,
    /// The body as text.
    pub body: String,
}

/// The server; its thread ends with the process.
pub struct Wire {
    /// `http://127.0.0.1:port`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Wire {
    /// Gives these answers in this order, then the last one for ever.
    pub fn answering(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
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
        Self { url, asked }
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panicked with it").clone()
    }
}

/// Connections are closed after each answer, so that each request comes on its own.
fn write(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &str) {
    let mut head =
        format!("HTTP/1.1 {status} Recorded\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
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
    let headers: Vec<String> = lines.split_off(1).iter().map(|line| line.replacen(": ", ":", 1)).collect();
    let length =
        headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line: lines.pop()?, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
