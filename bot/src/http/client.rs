//! The connector of HTTP clients: HTTP/1.1 and HTTP/2, TLS by rustls with ring and the system's root certificates, no proxy.

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;

pub(crate) type HttpsConnector = hyper_rustls::HttpsConnector<HttpConnector>;

/// Fails if this machine has no root certificates.
pub(crate) fn https_connector() -> std::io::Result<HttpsConnector> {
    let builder = HttpsConnectorBuilder::new().with_native_roots()?;
    Ok(builder.https_or_http().enable_http1().enable_http2().build())
}
