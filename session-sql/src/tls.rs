//! What a store's URL says about TLS, as far as sqlx would pass over it, and what is said when it does not come about.

use std::error::Error as _;
use std::io;

use session_core::{Error, ErrorKind, Result};

/// What a URL asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// None, or whatever the server offers.
    Nothing,
    /// Encryption, with whomever.
    Encryption,
    /// Encryption, with a server whose certificate is good.
    Verification,
}

const AUTHORITY: [&str; 4] = ["sslrootcert", "ssl-root-cert", "sslca", "ssl-ca"];
const CLIENT: [&str; 4] = ["sslcert", "ssl-cert", "sslkey", "ssl-key"];

/// Whether a URL can be followed. Certificates that nobody would look at are a mistake: whoever has named them believes
/// that the connection is safe.
pub(crate) fn check(asked: Asked, url: &str, is_compiled_in: bool) -> Result<()> {
    let message = if asked != Asked::Nothing && !is_compiled_in {
        "the store URL asks for TLS: turn on the feature `tls` of session-sql"
    } else if asked != Asked::Verification && names(url, &AUTHORITY) {
        "the store URL names an authority for certificates, and does not ask for the server's to be verified: say \
         sslmode=verify-full, or with MySQL ssl-mode=VERIFY_IDENTITY"
    } else if asked == Asked::Nothing && names(url, &CLIENT) {
        "the store URL names a client's certificate, and does not ask for TLS: say sslmode=verify-full, or with MySQL \
         ssl-mode=VERIFY_IDENTITY"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Config, message))
}

fn names(url: &str, parameters: &[&str]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| parameters.contains(&pair.split('=').next().unwrap_or_default()))
}

/// At the start: what to do when TLS did not come about. Any other error as it is.
pub(crate) fn explained(error: Error, url: &str) -> Error {
    let message = match error.source().and_then(|source| source.downcast_ref()) {
        // Of all that sqlx says, the one thing that is no mistake in a file.
        Some(sqlx::Error::Tls(cause)) if cause.to_string().contains("does not support TLS") => {
            "the store URL asks for TLS, and the database server does not speak it: turn it on there, or say \
             sslmode=disable (MySQL: ssl-mode=DISABLED) where nobody listens on the way"
                .to_owned()
        }
        Some(sqlx::Error::Tls(cause)) => {
            format!("the store URL asks for TLS, and its certificates cannot be used: {cause}")
        }
        // What rustls refuses.
        Some(sqlx::Error::Io(cause)) if cause.kind() == io::ErrorKind::InvalidData => format!(
            "the database server's certificate is refused ({cause}): the store URL must name the host as the \
             certificate does, and who has signed it, if the system does not trust him, as \
             sslrootcert=/path/to/ca.pem (MySQL: ssl-ca)"
        ),
        Some(sqlx::Error::Io(cause))
            if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
                && (names(url, &AUTHORITY) || names(url, &CLIENT)) =>
        {
            format!("a certificate's file that the store URL names cannot be read: {cause}")
        }
        _ => return error,
    };
    Error::new(ErrorKind::Config, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(asked: Asked, url: &str, is_compiled_in: bool) -> Option<String> {
        let error = check(asked, url, is_compiled_in).err()?;
        assert_eq!(error.kind(), ErrorKind::Config);
        Some(error.to_string())
    }

    #[test]
    fn a_url_that_asks_for_tls_needs_the_feature_and_one_that_does_not_needs_nothing() {
        for asked in [Asked::Encryption, Asked::Verification] {
            let mistake = mistake(asked, "postgres://h/x", false).unwrap();
            assert!(mistake.contains("the feature `tls` of session-sql"), "{mistake}");
        }
        assert_eq!(mistake(Asked::Nothing, "postgres://h/x?application_name=ssl-ca", false), None);
        assert_eq!(mistake(Asked::Verification, "postgres://h/x?sslrootcert=/ca.pem", true), None);
    }

    #[test]
    fn certificates_that_nobody_would_look_at_are_a_mistake() {
        for authority in AUTHORITY {
            let url = format!("postgres://h/x?a=b&{authority}=/ca.pem");
            assert!(mistake(Asked::Encryption, &url, true).unwrap().contains("verify-full"));
            assert!(mistake(Asked::Nothing, &url, true).unwrap().contains("verify-full"));
        }
        let url = "postgres://h/x?sslkey=/key.pem";
        assert!(mistake(Asked::Nothing, url, true).unwrap().contains("client's certificate"));
        assert_eq!(mistake(Asked::Encryption, url, true), None);
    }
}
