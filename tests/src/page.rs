//! The page in a headless Chromium, driven over its DevTools protocol: what a person would do, and what they see.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::eventually::{PATIENCE, eventually};
use crate::world::World;

/// No network but this machine's, nothing of a profile, and as root too.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,900",
    "--remote-debugging-port=0",
];

/// A tab; dropped, its browser ends.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    _profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u64,
    /// What the page complained about: exceptions and refused resources.
    complaints: Vec<String>,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

impl Page {
    /// Opens the page of a world as somebody.
    pub async fn open(world: &World, person: &str) -> Self {
        let profile = TempDir::new().unwrap();
        let mut chromium = Command::new("chromium");
        chromium.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let browser = chromium.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let browser = browser.unwrap_or_else(|error| {
            panic!("chromium does not start ({error}). Install it: apt-get install -y chromium")
        });
        let port = profile.path().join("DevToolsActivePort");
        let port = eventually("chromium is to name its port", PATIENCE, async || {
            let text = std::fs::read_to_string(&port).map_err(|error| error.to_string())?;
            text.lines().next().and_then(|line| line.parse::<u16>().ok()).ok_or(text)
        })
        .await;
        let tabs = format!("http://127.0.0.1:{port}/json");
        let address = eventually("chromium is to have a tab", PATIENCE, async || {
            let answer = world.http.get(&tabs).send().await.map_err(|error| error.to_string())?;
            let tabs: Value = answer.json().await.map_err(|error| error.to_string())?;
            let all = tabs.as_array().into_iter().flatten();
            let tab = all.into_iter().find(|tab| tab["type"] == "page");
            tab.and_then(|tab| tab["webSocketDebuggerUrl"].as_str())
                .map(str::to_owned)
                .ok_or(tabs.to_string())
        })
        .await;
        let (socket, _) = connect_async(&address).await.expect("chromium takes a DevTools client");
        let mut page = Self { browser, _profile: profile, socket, sent: 0, complaints: vec![] };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.call("Page.navigate", json!({"url": format!("{}/?as={person}", world.page_url())})).await;
        // Before its script has run, what is typed is lost.
        page.is_of(person).await;
        page
    }

    /// Types a line into the composer and sends it.
    pub async fn types(&mut self, line: &str) {
        self.run("document.querySelector('#input').focus()").await;
        self.call("Input.insertText", json!({"text": line})).await;
        self.key("Escape", 27).await;
        self.key("Enter", 13).await;
    }

    /// Clicks what a selector finds, once it is there.
    pub async fn clicks(&mut self, selector: &str) {
        let found = format!("document.querySelector({})", json!(selector));
        self.sees(&found).await;
        self.run(&format!("{found}.click()")).await;
    }

    /// Becomes somebody else, as the switch of the page does it.
    pub async fn becomes(&mut self, person: &str) {
        self.clicks("#me").await;
        self.clicks(&format!("[data-person={person}]")).await;
        self.is_of(person).await;
    }

    /// Waits until the page is that person's.
    async fn is_of(&mut self, person: &str) {
        let name = "document.querySelector('#me')?.innerText.toLowerCase()";
        self.sees(&format!("{name}.includes({person:?})")).await;
    }

    /// Waits until an expression is true.
    pub async fn sees(&mut self, expression: &str) {
        let began = tokio::time::Instant::now();
        let mut pulse = tokio::time::interval(std::time::Duration::from_millis(30));
        while self.run(&format!("Boolean({expression})")).await != true {
            if began.elapsed() > PATIENCE {
                let text = self.run("document.body.innerText").await;
                panic!("not seen: {expression}\nthe page says: {text}\ncomplaints: {:?}", self.complaints);
            }
            pulse.tick().await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn shows(&mut self, text: &str) {
        self.sees(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Evaluates an expression.
    pub async fn run(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Keeps a picture of what is seen.
    pub async fn keeps_picture(&mut self, path: &Path) {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let data =
            base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    /// Fails if the page complained about anything.
    pub fn is_content(&self) {
        assert!(self.complaints.is_empty(), "{:?}", self.complaints);
    }

    async fn key(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let request = json!({"id": self.sent, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await.expect("chromium listens");
        loop {
            let answer = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let answer = answer.unwrap_or_else(|_| panic!("chromium does not answer {method}"));
            let Message::Text(text) = answer.expect("chromium lives").expect("chromium speaks") else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            let is_bad = answer["method"] == "Runtime.exceptionThrown"
                || answer["params"]["entry"]["level"] == "error";
            if is_bad {
                self.complaints.push(answer["params"].to_string());
            }
        }
    }
}
