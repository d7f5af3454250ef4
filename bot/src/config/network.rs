//! Addresses, the queue, and their rules.

use std::net::SocketAddr;

use sluice_aws_adapter::LAMBDA_CALLS;

use super::reading::Reading;

impl Reading {
    pub(super) fn listen(&mut self) -> Option<SocketAddr> {
        let flag = self.flags.listen.clone();
        let Some((name, text)) = self.text(Some(("--listen", flag)), "SLUICE_LISTEN", "listen") else {
            return Some(SocketAddr::from(([127, 0, 0, 1], 8080)));
        };
        let address = text.parse().ok();
        if address.is_none() {
            self.problem(name, format!("`{text}` is not an address and port, as in `127.0.0.1:8080`"));
        }
        address
    }

    /// It must not be the address that Slack delivers to, which is public.
    pub(super) fn metrics(&mut self, listen: Option<SocketAddr>) -> Option<Option<SocketAddr>> {
        let Some((name, text)) = self.text(None, "SLUICE_METRICS", "metrics") else { return Some(None) };
        if text == "none" {
            return Some(None);
        }
        let Ok(address) = text.parse::<SocketAddr>() else {
            self.problem(
                name,
                format!("`{text}` is neither `none` nor an address and port, as in `127.0.0.1:9464`"),
            );
            return None;
        };
        if address.port() != 0 && Some(address) == listen {
            self.problem(
                name,
                format!("`{text}` is the address that Slack delivers to; metrics need a different one"),
            );
            return None;
        }
        Some(Some(address))
    }

    /// The queue's full name. `sqs:wake` and `sqs:wake.fifo` are the same queue, since only FIFO queues work.
    pub(super) fn queue(&mut self) -> Option<Option<String>> {
        let Some((name, text)) = self.text(None, "SLUICE_QUEUE", "queue") else { return Some(None) };
        if text == "none" {
            return Some(None);
        }
        let Some(given) = text.strip_prefix("sqs:") else {
            self.problem(
                name,
                format!("`{text}` is not a queue: write `none`, or a name as in `sqs:sluice`"),
            );
            return None;
        };
        let bare = given.strip_suffix(".fifo").unwrap_or(given);
        let fits = (1..=75).contains(&bare.len())
            && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !fits {
            self.problem(
                name,
                format!(
                    "`{given}` is not a queue name: use 1 to 75 of a-z, A-Z, 0-9, _ and -, then `.fifo` or nothing"
                ),
            );
            return None;
        }
        Some(Some(format!("{bare}.fifo")))
    }

    /// `SLUICE_LAMBDA_CALLS`: calls a second.
    pub(super) fn lambda_calls(&mut self) -> Option<u16> {
        let calls = self.number(
            "SLUICE_LAMBDA_CALLS",
            "lambda_calls",
            "number of calls a second",
            LAMBDA_CALLS.into(),
            1..=1_000,
        );
        calls.value.and_then(|calls| u16::try_from(calls).ok())
    }
}
