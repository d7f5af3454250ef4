//! The ports of a sandbox: eight in a row, all on loopback, all bound before anything starts.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::addresses::Addresses;
use crate::aws::AwsListeners;

pub struct Ports {
    pub page: TcpListener,
    pub aws: AwsListeners,
    /// Released just before the bot starts.
    pub bot: TcpListener,
    /// Released just before the local AWS starts.
    pub emulator: TcpListener,
    pub at: Addresses,
}

/// Why the ports cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error(
        "port {port} on 127.0.0.1 is not available ({error}). Is another sandbox running? This one needs ports {first} to \
         {last}. Stop the program that uses the port, or choose other ports with --port N (0 picks free ports)"
    )]
    Taken { port: u16, first: u16, last: u16, error: std::io::Error },
    #[error("--port {0} is too high: the sandbox needs eight consecutive ports")]
    TooHigh(u16),
}

impl Ports {
    /// Binds eight consecutive ports from `first`, or any free ones if it is 0.
    pub async fn bind(first: u16) -> Result<Self, PortError> {
        let last = first.checked_add(7).ok_or(PortError::TooHigh(first))?;
        let bind = async |offset: u16| {
            let port = if first == 0 { 0 } else { first + offset };
            let bound = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await;
            bound.map_err(|error| PortError::Taken { port, first, last, error })
        };
        let page = bind(0).await?;
        let aws = AwsListeners {
            front: bind(1).await?,
            codecommit: bind(2).await?,
            codebuild: bind(3).await?,
            git: bind(4).await?,
            stages: bind(5).await?,
        };
        let (bot, emulator) = (bind(6).await?, bind(7).await?);
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
        match Ports::bind(first).await {
            Err(error) => assert!(error.to_string().contains(&format!("port {first} ")), "{error}"),
            Ok(_) => panic!("the port was bound twice"),
        }
        assert!(matches!(Ports::bind(65_530).await, Err(PortError::TooHigh(_))));
    }

    #[tokio::test]
    async fn free_ports_are_all_different() {
        let ports = Ports::bind(0).await.unwrap();
        let at = &ports.at;
        let all = [&at.page, &at.aws, &at.codecommit, &at.codebuild, &at.git, &at.stages, &at.bot];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
