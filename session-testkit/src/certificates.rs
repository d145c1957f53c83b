//! Certificates for a server and its clients, made for a test: nobody else trusts them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// Files of a folder, all PEM.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
}

/// What the servers of a test are called.
pub(crate) const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

const CA: &str = "ca.pem";
const SERVER: &str = "server";
const CLIENT: &str = "client";

impl Certificates {
    /// Where they are in a folder that they were made in.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Makes an authority, and a certificate for a server of this machine and one for its clients.
    pub(crate) fn make_in(folder: &Path) -> Self {
        Self::make_for(&HERE, folder)
    }

    /// The same for servers that are called so.
    pub(crate) fn make_for(names: &[&str], folder: &Path) -> Self {
        let certificates = Self::of(folder);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key for the authority");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate authority");
        fs::write(certificates.ca(), authority.pem()).expect("the authority's certificate is written");
        // The servers of a Redis Cluster come to each other as clients.
        let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
        for (name, usages) in [(SERVER, vec![server, client.clone()]), (CLIENT, vec![client])] {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("the names of a certificate");
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = usages;
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            fs::write(certificates.certificate(name), certificate.pem()).expect("a certificate is written");
            fs::write(certificates.key(name), key.serialize_pem()).expect("a key is written");
            // Servers refuse a key that others may read.
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(certificates.key(name), private).expect("a key is made private");
        }
        certificates
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join(CA)
    }

    pub(crate) fn server(&self) -> PathBuf {
        self.certificate(SERVER)
    }

    pub(crate) fn server_key(&self) -> PathBuf {
        self.key(SERVER)
    }

    pub(crate) fn client(&self) -> PathBuf {
        self.certificate(CLIENT)
    }

    pub(crate) fn client_key(&self) -> PathBuf {
        self.key(CLIENT)
    }

    fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}
