//! The sandbox's page in a headless Chromium, driven over the DevTools protocol.

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

/// Only this machine's network, no profile, and usable as root.
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

/// A tab. Dropping it ends its browser.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    _profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u64,
    /// Exceptions and refused resources.
    errors: Vec<String>,
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
        let port = eventually("chromium prints its port", PATIENCE, async || {
            let text = std::fs::read_to_string(&port).map_err(|error| error.to_string())?;
            text.lines().next().and_then(|line| line.parse::<u16>().ok()).ok_or(text)
        })
        .await;
        let tabs = format!("http://127.0.0.1:{port}/json");
        let address = eventually("chromium has a tab", PATIENCE, async || {
            let answer = world.http.get(&tabs).send().await.map_err(|error| error.to_string())?;
            let tabs: Value = answer.json().await.map_err(|error| error.to_string())?;
            let all = tabs.as_array().into_iter().flatten();
            let tab = all.into_iter().find(|tab| tab["type"] == "page");
            tab.and_then(|tab| tab["webSocketDebuggerUrl"].as_str())
                .map(str::to_owned)
                .ok_or(tabs.to_string())
        })
        .await;
        let (socket, _) = connect_async(&address).await.expect("chromium accepts a DevTools client");
        let mut page = Self { browser, _profile: profile, socket, sent: 0, errors: vec![] };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.call("Page.navigate", json!({"url": format!("{}/?as={person}", world.page_url())})).await;
        // Input is lost before the page's script has run.
        page.is_of(person).await;
        page
    }

    /// Types a line into the composer and sends it.
    pub async fn type_line(&mut self, line: &str) {
        self.evaluate("document.querySelector('#input').focus()").await;
        self.call("Input.insertText", json!({"text": line})).await;
        self.wait_for(&format!("document.querySelector('#input').value === {}", json!(line))).await;
        // Suggestions may open at any time, and Enter picks one then: a person presses it again.
        let began = tokio::time::Instant::now();
        while self.evaluate("document.querySelector('#input').value").await != "" {
            assert!(began.elapsed() < PATIENCE, "the page does not send {line}");
            self.key("Escape", 27).await;
            self.key("Enter", 13).await;
        }
    }

    /// Clicks the element of a selector, once it exists.
    pub async fn click(&mut self, selector: &str) {
        let found = format!("document.querySelector({})", json!(selector));
        self.wait_for(&found).await;
        self.evaluate(&format!("{found}.click()")).await;
    }

    /// Switches to another person with the page's own control.
    pub async fn switch_to(&mut self, person: &str) {
        self.click("#me").await;
        self.click(&format!("[data-person={person}]")).await;
        self.is_of(person).await;
    }

    /// Waits until the page shows that person.
    async fn is_of(&mut self, person: &str) {
        let name = "document.querySelector('#me')?.innerText.toLowerCase()";
        self.wait_for(&format!("{name}.includes({person:?})")).await;
    }

    /// Waits until an expression is true.
    pub async fn wait_for(&mut self, expression: &str) {
        let began = tokio::time::Instant::now();
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(30));
        while self.evaluate(&format!("Boolean({expression})")).await != true {
            if began.elapsed() > PATIENCE {
                let text = self.evaluate("document.body.innerText").await;
                panic!("never true: {expression}\nthe page's text: {text}\nerrors: {:?}", self.errors);
            }
            ticks.tick().await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn wait_for_text(&mut self, text: &str) {
        self.wait_for(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Evaluates an expression.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let request = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", request).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Writes a screenshot to a file.
    pub async fn screenshot(&mut self, path: &Path) {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        let data =
            base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    /// Fails if there was any exception or refused resource.
    pub fn assert_no_errors(&self) {
        assert!(self.errors.is_empty(), "{:?}", self.errors);
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
        self.socket.send(Message::text(request.to_string())).await.expect("chromium reads");
        loop {
            let answer = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let answer = answer.unwrap_or_else(|_| panic!("chromium does not answer {method}"));
            let Message::Text(text) = answer.expect("chromium runs").expect("a valid frame") else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            let is_error = answer["method"] == "Runtime.exceptionThrown"
                || answer["params"]["entry"]["level"] == "error";
            if is_error {
                self.errors.push(answer["params"].to_string());
            }
        }
    }
}
