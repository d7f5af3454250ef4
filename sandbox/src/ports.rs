//! The ports of a world: eight in a row, all on loopback, all taken before anything is started.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::aws::AwsListeners;
use crate::ready::Addresses;

/// The ports, held.
pub struct Ports {
    pub page: TcpListener,
    pub aws: AwsListeners,
    /// Held until the bot may have it.
    pub bot: TcpListener,
    /// Held until the local AWS may have it.
    pub emulator: TcpListener,
    pub at: Addresses,
}

/// Why the ports cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error(
        "port {port} on 127.0.0.1 cannot be had ({error}). Is another sandbox running? This one needs {first} to {last}: \
         end what holds the port, or choose others with --port N (0 for any that are free)"
    )]
    Taken { port: u16, first: u16, last: u16, error: std::io::Error },
    #[error("--port {0} leaves no room for eight ports in a row")]
    TooHigh(u16),
}

impl Ports {
    /// Takes eight ports from `first` on, or any that are free for 0.
    pub async fn take(first: u16) -> Result<Self, PortError> {
        let last = first.checked_add(7).ok_or(PortError::TooHigh(first))?;
        let take = async |offset: u16| {
            let port = if first == 0 { 0 } else { first + offset };
            let bound = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await;
            bound.map_err(|error| PortError::Taken { port, first, last, error })
        };
        let page = take(0).await?;
        let aws = AwsListeners {
            front: take(1).await?,
            codecommit: take(2).await?,
            codebuild: take(3).await?,
            git: take(4).await?,
            stages: take(5).await?,
        };
        let (bot, emulator) = (take(6).await?, take(7).await?);
        let at = Addresses {
            page: url(&page),
            aws: url(&aws.front),
            codecommit: url(&aws.codecommit),
            codebuild: url(&aws.codebuild),
            git: url(&aws.git),
            stages: url(&aws.stages),
            bot: url(&bot),
        };
        Ok(Self { page, aws, bot, emulator, at })
    }
}

/// The port of a listener.
pub fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

fn url(listener: &TcpListener) -> String {
    format!("http://127.0.0.1:{}", port(listener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let first = port(&held);
        match Ports::take(first).await {
            Err(error) => assert!(error.to_string().contains(&format!("port {first} ")), "{error}"),
            Ok(_) => panic!("the port was taken twice"),
        }
        assert!(matches!(Ports::take(65_530).await, Err(PortError::TooHigh(_))));
    }

    #[tokio::test]
    async fn free_ports_are_all_different() {
        let ports = Ports::take(0).await.unwrap();
        let at = &ports.at;
        let all = [&at.page, &at.aws, &at.codecommit, &at.codebuild, &at.git, &at.stages, &at.bot];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
