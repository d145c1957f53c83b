use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};
use http::{Response, StatusCode};
use session_core::{Commit, Error, Header, HeaderMode};

/// The response as the commit wants it.
pub(crate) fn write<B: From<&'static str>>(commit: &Commit, response: &mut Response<B>) {
    if let Some(error) = &commit.error {
        *response = of_error(error);
    }
    write_headers(&commit.headers, response);
}

/// An answer in the handler's place: it keeps nothing of the handler's.
pub(crate) fn of_error<B: From<&'static str>>(error: &Error) -> Response<B> {
    let mut response = Response::new(B::from(error.public_message()));
    *response.status_mut() =
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

pub(crate) fn write_headers<B>(headers: &[Header], response: &mut Response<B>) {
    for header in headers {
        write_header(header, response.headers_mut());
    }
}

/// A resolver that makes a header which cannot be sent has it left out: the client then keeps what it has.
fn write_header(header: &Header, headers: &mut HeaderMap) {
    let name = match &*header.name {
        "vary" => VARY,
        "set-cookie" => SET_COOKIE,
        "cache-control" => CACHE_CONTROL,
        other => match HeaderName::from_bytes(other.as_bytes()) {
            Ok(name) => name,
            Err(_) => return,
        },
    };
    let text = match &header.value {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
    };
    let Ok(mut value) = HeaderValue::from_maybe_shared(text) else { return };
    match header.mode {
        HeaderMode::Append => {
            headers.append(name, value);
        }
        HeaderMode::Replace => {
            value.set_sensitive(name != CACHE_CONTROL);
            headers.insert(name, value);
        }
        HeaderMode::ReplaceCookie => {
            value.set_sensitive(true);
            let kept: Vec<HeaderValue> =
                headers.get_all(&name).iter().filter(|it| !header.replaces(it.as_bytes())).cloned().collect();
            headers.remove(&name);
            for other in kept {
                headers.append(&name, other);
            }
            headers.append(name, value);
        }
    }
}
