//! Servers on loopback that speak TLS with a certificate of an own authority.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fmt, io};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections with a certificate of an authority that was made for this listener alone.
#[derive(Debug)]
pub(super) struct Tls {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Acceptor,
    connections: Arc<AtomicUsize>,
}

impl Tls {
    /// Listens on a free port of 127.0.0.1, and gives the authority to trust, in PEM.
    pub(super) async fn bind() -> (Self, String) {
        let (ca, acceptor) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        (Self { listener, address, acceptor: Acceptor(acceptor), connections: Arc::default() }, ca)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections came so far.
    pub(super) fn connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.connections)
    }
}

struct Acceptor(TlsAcceptor);

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor(…)")
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            self.connections.fetch_add(1, Ordering::SeqCst);
            // A client that does not trust us breaks off here.
            if let Ok(stream) = self.acceptor.0.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn certificates() -> (String, TlsAcceptor) {
    let ca_key = rcgen::KeyPair::generate().expect("ring makes keys");
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("no name is no bad name");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("the key signs");
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().expect("ring makes keys");
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a good name");
    let leaf = leaf.signed_by(&key, &issuer).expect("the authority signs");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("the key is of the certificate");
    (ca_certificate.pem(), TlsAcceptor::from(Arc::new(config)))
}
