//! A browser controlled through the pipes of its DevTools protocol, for pages that never finish loading.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) struct Driven {
    child: Child,
    tells: ChildStdin,
    told: BufReader<ChildStdout>,
    calls: u64,
    page: Option<String>,
    /// The errors and warnings of the page.
    complaints: Vec<String>,
}

impl Driven {
    /// Starts the browser, with its profile in `folder`, and opens `address`.
    pub(crate) fn open(chromium: &str, folder: &Path, address: &str) -> Self {
        // The protocol uses the descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args([
                "-c",
                r#"exec "$@" 3<&0 4>&1 >/dev/null 2>&1"#,
                "sh",
                chromium,
            ])
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--window-size=1300,900", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Chromium starts");
        let mut browser = Self {
            tells: child.stdin.take().expect("a pipe"),
            told: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            calls: 0,
            page: None,
            complaints: Vec::new(),
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let page = browser.call("Target.attachToTarget", attach);
        browser.page = Some(page["sessionId"].as_str().expect("a session").to_owned());
        browser.call("Runtime.enable", json!({}));
        browser.call("Log.enable", json!({}));
        browser.call("Page.navigate", json!({ "url": address }));
        browser
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(page) = &self.page {
            call["sessionId"] = json!(page);
        }
        self.tells
            .write_all(format!("{call}\0").as_bytes())
            .expect("it listens");
        loop {
            let mut message = Vec::new();
            self.told.read_until(0, &mut message).expect("it talks");
            message.pop();
            let message: Value = serde_json::from_slice(&message).expect("JSON");
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Log.entryAdded") => {
                    self.complaints.push(message["params"].to_string());
                }
                _ if message["id"] == self.calls => {
                    assert!(message["error"].is_null(), "{method}: {message}");
                    return message["result"].clone();
                }
                _ => {}
            }
        }
    }

    /// Evaluates an expression in the page.
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", params);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Evaluates an expression until it is true, and fails after a minute.
    pub(crate) fn until(&mut self, expression: &str) {
        let start = Instant::now();
        while self.ask(expression) != true {
            if start.elapsed() > Duration::from_secs(60) {
                let page = self.ask("document.body.innerText");
                panic!("waited in vain for {expression} in {page}");
            }
        }
    }

    pub(crate) fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
