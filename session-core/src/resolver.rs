use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::{Error, ErrorKind, Result, SessionId};

/// The name of the session cookie where nothing else is said: bound to the host, and telling nothing
/// (ASVS 5.0, 3.3.3; OWASP: a generic name).
const HOST_NAME: &str = "__Host-id";
const SECURE_NAME: &str = "__Secure-id";
const PLAIN_NAME: &str = "id";

/// The longest `Path` or `Domain` that clients keep (RFC 6265bis, 5.6).
const MAX_PART: usize = 1024;

/// The longest that clients keep a cookie: 400 days (RFC 6265bis, 5.5).
const MAX_AGE: u64 = 400 * 86_400;

/// A header that a response is to carry.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The name, in lower case.
    pub name: Cow<'static, str>,
    /// The value: ASCII, no control characters. **It may be a session id**: `Debug` does not show it.
    pub value: Cow<'static, str>,
    /// What becomes of a header of that name which is there already.
    pub mode: HeaderMode,
}

/// What becomes of a header that is there already when another one of its name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every adapter must carry out each of them")]
pub enum HeaderMode {
    /// It stays; the new one stands beside it.
    Append,
    /// It goes.
    Replace,
    /// It goes if it sets the cookie of the same name (RFC 6265bis, 4.1.1: one `Set-Cookie` a name).
    ReplaceCookie,
}

impl Header {
    /// A header of this name (lower case) and value.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
        mode: HeaderMode,
    ) -> Self {
        Self { name: name.into(), value: value.into(), mode }
    }

    /// Whether a header of the same name with this value has to go when `self` is written.
    #[must_use]
    pub fn replaces(&self, existing: &[u8]) -> bool {
        match self.mode {
            HeaderMode::Append => false,
            HeaderMode::Replace => true,
            HeaderMode::ReplaceCookie => cookie_name(existing) == cookie_name(self.value.as_bytes()),
        }
    }
}

fn cookie_name(set_cookie: &[u8]) -> &[u8] {
    let end = set_cookie.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(set_cookie.len());
    set_cookie[..end].trim_ascii()
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("name", &self.name).field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Finds the session id in a request's headers and writes it to a response's.
///
/// It decides how an id travels, and nothing else. It is handed the text of ids: it must not log it.
pub trait SessionIdResolver: fmt::Debug + Send + Sync + 'static {
    /// Reports each value in this request header that may be an id. Called once for each header of the request,
    /// with whatever bytes the client sent; the name's case is not to be relied on.
    fn read(&self, name: &str, value: &[u8], found: &mut dyn FnMut(&[u8]));

    /// The header that hands an id to the client.
    fn issue(&self, id: &str) -> Header;

    /// The header that takes the id back from the client.
    fn withdraw(&self) -> Header;

    /// The request header that answers depend on: what `Vary` names.
    fn vary(&self) -> Cow<'static, str>;

    /// Whether clients forget an id after some time: it is then handed out again whenever a request that has read the
    /// session notes its use. Default: they keep it.
    fn is_forgotten(&self) -> bool {
        false
    }
}

/// Carries the id in a cookie: the default.
///
/// Without settings: `__Host-id=…; Path=/; HttpOnly; SameSite=Lax; Secure`, for the browser's session (no
/// `Max-Age`: when a session ends is decided by its record alone, NIST SP 800-63B-4).
#[derive(Clone)]
pub struct CookieResolver {
    name: String,
    attributes: String,
    max_age: Option<u64>,
    value: ValueForm,
}

impl CookieResolver {
    /// Settings for a cookie that differs from the default.
    #[must_use]
    pub fn builder() -> CookieResolverBuilder {
        CookieResolverBuilder::default()
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for CookieResolver {
    fn default() -> Self {
        let settings = CookieResolverBuilder::default();
        Self {
            name: HOST_NAME.into(),
            attributes: settings.attributes(),
            max_age: None,
            value: ValueForm::default(),
        }
    }
}

impl SessionIdResolver for CookieResolver {
    /// The name is compared byte for byte and nothing is decoded: `__host-id`, `__%48ost-id` and a nameless
    /// `=__Host-id=…` are other cookies (RFC 6265bis, 4.1.3).
    fn read(&self, name: &str, value: &[u8], found: &mut dyn FnMut(&[u8])) {
        if !name.eq_ignore_ascii_case("cookie") {
            return;
        }
        let mut rest = value;
        while !rest.is_empty() {
            let (pair, after) = match memchr::memchr(b';', rest) {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &[][..]),
            };
            rest = after;
            let Some(value) = pair.trim_ascii_start().strip_prefix(self.name.as_bytes()) else { continue };
            if let Some(value) = value.strip_prefix(b"=") {
                self.value.read(value.trim_ascii_end(), found);
            }
        }
    }

    fn issue(&self, id: &str) -> Header {
        let mut value = [&self.name, "=", &*self.value.write(id), &self.attributes].concat();
        if let Some(seconds) = self.max_age {
            value.push_str(&format!("; Max-Age={seconds}"));
        }
        Header::new("set-cookie", value, HeaderMode::ReplaceCookie)
    }

    fn withdraw(&self) -> Header {
        let value = [&self.name, "=", &self.attributes, "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
            .concat();
        Header::new("set-cookie", value, HeaderMode::ReplaceCookie)
    }

    fn vary(&self) -> Cow<'static, str> {
        "cookie".into()
    }

    fn is_forgotten(&self) -> bool {
        self.max_age.is_some()
    }
}

impl fmt::Debug for CookieResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieResolver")
            .field("name", &self.name)
            .field("attributes", &self.attributes)
            .field("max_age", &self.max_age)
            .field("value", &self.value)
            .finish()
    }
}

/// What becomes of an id in a cookie's value: nothing, unless a front or Spring needs something else.
#[derive(Clone, Debug, Default)]
struct ValueForm {
    base64: bool,
    /// With the dot before it.
    route: Option<String>,
}

/// The longest value that is decoded: an id with the longest route.
const MAX_DECODED: usize = SessionId::TEXT_LEN + 1 + MAX_ROUTE;
const MAX_ROUTE: usize = 100;

impl ValueForm {
    /// An id holds no dot: what stands behind one is a route, of whichever node.
    fn read(&self, value: &[u8], found: &mut dyn FnMut(&[u8])) {
        let mut decoded;
        let value = match self.base64 {
            false => value,
            true => {
                decoded = [0; MAX_DECODED];
                match BASE64.decode_slice(value, &mut decoded) {
                    Ok(len) => &decoded[..len],
                    Err(_) => return,
                }
            }
        };
        let dot = self.route.as_ref().and_then(|_| memchr::memchr(b'.', value));
        found(dot.map_or(value, |dot| &value[..dot]));
    }

    fn write<'i>(&self, id: &'i str) -> Cow<'i, str> {
        let value = match &self.route {
            Some(route) => Cow::Owned([id, route].concat()),
            None => Cow::Borrowed(id),
        };
        if self.base64 { BASE64.encode(&*value).into() } else { value }
    }
}

/// As Spring writes it: with `+`, `/` and padding, which some client may have stripped.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// When browsers send the cookie with requests that another site caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6265bis knows these three")]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link: the default.
    Lax,
    /// Always. Needs a secure cookie, and other protection against cross-site request forgery.
    None,
}

/// Settings of a [`CookieResolver`].
#[derive(Clone, Debug)]
pub struct CookieResolverBuilder {
    name: Option<String>,
    path: String,
    domain: Option<String>,
    same_site: SameSite,
    http_only: bool,
    secure: bool,
    partitioned: bool,
    max_age: Option<Duration>,
    base64: bool,
    route: Option<String>,
}

impl Default for CookieResolverBuilder {
    fn default() -> Self {
        Self {
            name: None,
            path: "/".into(),
            domain: None,
            same_site: SameSite::Lax,
            http_only: true,
            secure: true,
            partitioned: false,
            max_age: None,
            base64: false,
            route: None,
        }
    }
}

impl CookieResolverBuilder {
    /// The cookie's name. Default: `__Host-id`; with a domain or a path of its own, which that prefix forbids,
    /// `__Secure-id`; without [`secure`](Self::secure) `id`.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The paths that the cookie is sent to. Default: `/`.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// A domain that the cookie is sent to with all its subdomains. Default: none, the host alone.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// Default: [`SameSite::Lax`].
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// Whether scripts are kept from the cookie. Default: they are (ASVS 5.0, 3.3.4).
    #[must_use]
    pub fn http_only(self, http_only: bool) -> Self {
        Self { http_only, ..self }
    }

    /// Whether the cookie travels over TLS alone. Default: it does. `false` is for development without TLS: browsers
    /// then take the cookie from `http://`, and whoever listens on the network has the session. (curl and Chromium
    /// take secure cookies from `http://127.0.0.1`.)
    #[must_use]
    pub fn secure(self, secure: bool) -> Self {
        Self { secure, ..self }
    }

    /// Whether a site that embeds this one has a cookie jar of its own for it (CHIPS): for widgets in frames.
    /// Default: no.
    #[must_use]
    pub fn partitioned(self, partitioned: bool) -> Self {
        Self { partitioned, ..self }
    }

    /// How long clients keep the cookie, in whole seconds, at most 400 days. It is sent again whenever a request that
    /// has read the session notes its use; a blind write does not learn whether that was due. When a session ends is
    /// decided by its record alone. Default: as long as the browser runs.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Whether the id is encoded in Base64 once more, as Spring's `DefaultCookieSerializer` does. Default: no.
    #[must_use]
    pub fn base64(self, base64: bool) -> Self {
        Self { base64, ..self }
    }

    /// What is written behind the id, after a dot, for a front that sends a client back to the same node (Spring's
    /// `jvmRoute`): 1 to 100 letters, digits and `-_`. Any node's route is taken off again. Default: nothing.
    #[must_use]
    pub fn route(self, route: impl Into<String>) -> Self {
        Self { route: Some(route.into()), ..self }
    }

    /// The resolver, if clients would keep such a cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where RFC 6265bis has clients drop it or read it as something else: a name that is
    /// no token, a prefix without what it promises, `SameSite=None` or `Partitioned` without `Secure`, a path or
    /// domain with a separator or longer than 1024 bytes. Also when the route is none.
    pub fn build(self) -> Result<CookieResolver> {
        if let Some(mistake) = self.mistake(self.effective_name()) {
            return Err(Error::new(ErrorKind::Config, mistake));
        }
        Ok(CookieResolver {
            name: self.effective_name().to_owned(),
            attributes: self.attributes(),
            max_age: self.max_age.map(|max_age| max_age.as_secs().clamp(1, MAX_AGE)),
            value: ValueForm { base64: self.base64, route: self.route.map(|route| format!(".{route}")) },
        })
    }

    fn effective_name(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None if !self.secure => PLAIN_NAME,
            None if self.domain.is_some() || self.path != "/" => SECURE_NAME,
            None => HOST_NAME,
        }
    }

    fn mistake(&self, name: &str) -> Option<String> {
        let has_prefix =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
        let host_only = self.domain.is_none() && self.path == "/";
        if name.is_empty() || !name.bytes().all(is_token) {
            return Some(format!("the cookie name {name:?} is not a token (RFC 9110, 5.6.2)"));
        }
        if (has_prefix("__Host-") || has_prefix("__Secure-") || has_prefix("__Http-")) && !self.secure {
            return Some(format!("a cookie named {name} must be Secure: choose another name for plain http"));
        }
        if has_prefix("__Host-") && !host_only {
            return Some(format!(
                "a cookie named {name} must have Path=/ and no Domain: name it __Secure-… instead"
            ));
        }
        if (has_prefix("__Http-") || has_prefix("__Host-Http-")) && !self.http_only {
            return Some(format!("a cookie named {name} must be HttpOnly"));
        }
        if self.same_site == SameSite::None && !self.secure {
            return Some("SameSite=None needs a Secure cookie: browsers drop it otherwise".into());
        }
        if self.partitioned && !self.secure {
            return Some("Partitioned needs a Secure cookie: browsers drop it otherwise".into());
        }
        if self.route.as_deref().is_some_and(|route| !is_route(route)) {
            return Some("the cookie's route must be 1 to 100 letters, digits and -_".into());
        }
        if !self.path.starts_with('/') || !is_attribute(&self.path) {
            return Some(format!(
                "the cookie path {:?} must begin with a slash, hold no ; and be short",
                self.path
            ));
        }
        if self.domain.as_deref().is_some_and(|domain| domain.is_empty() || !is_attribute(domain)) {
            return Some(format!(
                "the cookie domain {:?} must be a host name",
                self.domain.as_deref().unwrap_or("")
            ));
        }
        None
    }

    /// Everything behind the value: the same for the cookie that sets and the one that removes, because clients
    /// replace a cookie only if name, domain and path agree.
    fn attributes(&self) -> String {
        let mut text = format!("; Path={}", self.path);
        if let Some(domain) = &self.domain {
            text.push_str("; Domain=");
            text.push_str(domain);
        }
        if self.http_only {
            text.push_str("; HttpOnly");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if self.secure {
            text.push_str("; Secure");
        }
        if self.partitioned {
            text.push_str("; Partitioned");
        }
        text
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_attribute(text: &str) -> bool {
    text.len() <= MAX_PART && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';')
}

fn is_route(text: &str) -> bool {
    (1..=MAX_ROUTE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Carries the id in a header of its own, in both directions: for clients that are no browsers.
#[derive(Clone, Debug)]
pub struct HeaderResolver {
    name: Arc<str>,
    is_bearer: bool,
}

const BEARER: &str = "Bearer ";

impl HeaderResolver {
    /// The header of this name, `X-Auth-Token` for instance.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the name is no token, or one that carries something else.
    pub fn new(name: &str) -> Result<Self> {
        let name = name.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Error::new(ErrorKind::Config, format!("the header name {name:?} is not a token")));
        }
        if name == "authorization" {
            return Err(Error::new(
                ErrorKind::Config,
                "the header authorization holds a scheme before the id: use the bearer resolver",
            ));
        }
        if ["cookie", "set-cookie", "host", "content-length", "transfer-encoding", "connection"]
            .contains(&&*name)
        {
            return Err(Error::new(ErrorKind::Config, format!("the header {name} has a meaning of its own")));
        }
        Ok(Self { name: name.into(), is_bearer: false })
    }

    /// The header `Authorization: Bearer …` (RFC 6750, 2.1), in answers, too: for clients that keep tokens.
    #[must_use]
    pub fn bearer() -> Self {
        Self { name: "authorization".into(), is_bearer: true }
    }
}

impl SessionIdResolver for HeaderResolver {
    fn read(&self, name: &str, value: &[u8], found: &mut dyn FnMut(&[u8])) {
        if !name.eq_ignore_ascii_case(&self.name) {
            return;
        }
        let value = value.trim_ascii();
        if !self.is_bearer {
            return found(value);
        }
        if let Some((scheme, id)) = value.split_at_checked(BEARER.len())
            && scheme.eq_ignore_ascii_case(BEARER.as_bytes())
        {
            found(id.trim_ascii_start());
        }
    }

    fn issue(&self, id: &str) -> Header {
        let scheme = if self.is_bearer { BEARER } else { "" };
        Header::new(self.name.to_string(), [scheme, id].concat(), HeaderMode::Replace)
    }

    fn withdraw(&self) -> Header {
        Header::new(self.name.to_string(), "", HeaderMode::Replace)
    }

    fn vary(&self) -> Cow<'static, str> {
        self.name.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resolver: &dyn SessionIdResolver, name: &str, value: &str) -> Vec<String> {
        let mut ids = Vec::new();
        resolver.read(name, value.as_bytes(), &mut |id| ids.push(String::from_utf8_lossy(id).into_owned()));
        ids
    }

    #[test]
    fn the_default_cookie_is_a_host_cookie() {
        let header = CookieResolver::default().issue("ID");
        assert_eq!(header.name, "set-cookie");
        assert_eq!(header.value, "__Host-id=ID; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(CookieResolver::builder().build().unwrap().issue("ID"), header);
    }

    #[test]
    fn the_removal_cookie_has_the_same_attributes_and_lies_in_the_past() {
        let header =
            CookieResolver::builder().name("a").path("/x").domain("example.org").build().unwrap().withdraw();
        assert_eq!(
            header.value,
            "a=; Path=/x; Domain=example.org; HttpOnly; SameSite=Lax; Secure; Max-Age=0; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn all_cookies_of_the_name_are_found_wherever_they_stand() {
        let resolver = CookieResolver::default();
        assert_eq!(read(&resolver, "Cookie", "a=1; __Host-id=x;__Host-id=y ; b=2"), ["x", "y"]);
        assert_eq!(read(&resolver, "cookie", "__Host-id="), [""]);
    }

    #[test]
    fn row_33_names_are_compared_byte_for_byte() {
        let resolver = CookieResolver::default();
        for other in [
            "__host-id=x",
            "__%48ost-id=x",
            "=__Host-id=x",
            "__Host-id2=x",
            "x__Host-id=x",
            "__Host-id",
            "\"__Host-id\"=x",
        ] {
            assert!(read(&resolver, "cookie", other).is_empty(), "{other}");
        }
        assert!(read(&resolver, "x-cookie", "__Host-id=x").is_empty());
    }

    #[test]
    fn row_24_what_clients_would_drop_is_refused() {
        let builder = CookieResolver::builder;
        for (mistake, built) in [
            ("prefix without Secure", builder().name("__Host-a").secure(false).build()),
            ("prefix in small letters", builder().name("__host-a").secure(false).build()),
            ("secure prefix without Secure", builder().name("__Secure-a").secure(false).build()),
            ("host prefix with a domain", builder().name("__Host-a").domain("example.org").build()),
            ("host prefix with a path", builder().name("__Host-a").path("/a").build()),
            ("http prefix for scripts", builder().name("__Http-a").http_only(false).build()),
            ("SameSite=None without Secure", builder().same_site(SameSite::None).secure(false).build()),
            ("Partitioned without Secure", builder().partitioned(true).secure(false).build()),
            ("a route with a dot", builder().route("a.b").build()),
            ("an empty route", builder().route("").build()),
            ("no token", builder().name("a b").build()),
            ("an empty name", builder().name("").build()),
            ("a path with an attribute in it", builder().path("/; Domain=x").build()),
            ("a path without a slash", builder().path("a").build()),
            ("a domain with a line break", builder().domain("a\r\nb").build()),
            ("a long path", builder().path(format!("/{}", "a".repeat(1024))).build()),
        ] {
            assert_eq!(built.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::Config), "{mistake}");
        }
    }

    #[test]
    fn the_default_name_promises_only_what_the_settings_keep() {
        let name = |builder: CookieResolverBuilder| builder.build().unwrap().name().to_owned();
        assert_eq!(name(CookieResolver::builder()), "__Host-id");
        assert_eq!(name(CookieResolver::builder().domain("example.org")), "__Secure-id");
        assert_eq!(name(CookieResolver::builder().path("/shop")), "__Secure-id");
        assert_eq!(name(CookieResolver::builder().secure(false)), "id");
    }

    #[test]
    fn row_38_a_partitioned_cookie_is_withdrawn_as_it_was_set() {
        let resolver = CookieResolver::builder().partitioned(true).build().unwrap();
        assert!(resolver.issue("ID").value.ends_with("; SameSite=Lax; Secure; Partitioned"));
        assert!(resolver.withdraw().value.contains("; Secure; Partitioned; Max-Age=0; "));
    }

    #[test]
    fn rows_35_and_36_max_age_is_whole_seconds_and_at_most_400_days() {
        let max_age = |seconds| {
            let builder = CookieResolver::builder().max_age(seconds);
            let value = builder.build().unwrap().issue("ID").value;
            value.rsplit_once("; Max-Age=").unwrap().1.to_owned()
        };
        assert_eq!(max_age(Duration::from_secs(3600)), "3600");
        assert_eq!(max_age(Duration::from_millis(10)), "1");
        assert_eq!(max_age(Duration::from_secs(10 * 365 * 86_400)), "34560000");
        assert_eq!(max_age(Duration::MAX), "34560000");
        let resolver = CookieResolver::builder().max_age(Duration::from_secs(9)).build().unwrap();
        assert!(resolver.is_forgotten() && !CookieResolver::default().is_forgotten());
        assert_eq!(resolver.withdraw().value.matches("Max-Age").count(), 1);
    }

    /// CONFORMANCE 112, 113, 116: as `DefaultCookieSerializer` writes and reads it.
    #[test]
    fn an_id_may_be_encoded_once_more() {
        let resolver = CookieResolver::builder().name("SESSION").base64(true).build().unwrap();
        assert!(resolver.issue("the-id").value.starts_with("SESSION=dGhlLWlk;"));
        assert!(resolver.issue("the-id2").value.starts_with("SESSION=dGhlLWlkMg==;"));
        for value in ["dGhlLWlkMg==", "dGhlLWlkMg"] {
            assert_eq!(read(&resolver, "cookie", &format!("SESSION={value}")), ["the-id2"]);
        }
        for value in ["the-id", "&", "dGhlLWlkMh==", &"A".repeat(4000)] {
            assert!(read(&resolver, "cookie", &format!("SESSION={value}")).is_empty(), "{value}");
        }
    }

    /// CONFORMANCE 130, 131.
    #[test]
    fn a_route_is_written_behind_the_id_and_taken_off_again() {
        let resolver = CookieResolver::builder().name("a").route("node-1").build().unwrap();
        assert!(resolver.issue("ID").value.starts_with("a=ID.node-1;"));
        for (value, id) in [("ID.node-1", "ID"), ("ID", "ID"), ("ID.node-2", "ID"), (".node-1", "")] {
            assert_eq!(read(&resolver, "cookie", &format!("a={value}")), [id], "{value}");
        }
        let both = CookieResolver::builder().name("a").route("node-1").base64(true).build().unwrap();
        let header = both.issue("ID").value;
        assert!(header.starts_with("a=SUQubm9kZS0x;"), "{header}");
        assert_eq!(read(&both, "cookie", "a=SUQubm9kZS0x"), ["ID"]);
        assert_eq!(
            read(&CookieResolver::default(), "cookie", "__Host-id=ID.x"),
            ["ID.x"],
            "no route, no dot"
        );
    }

    #[test]
    fn a_set_cookie_replaces_only_its_namesake() {
        let header = CookieResolver::default().issue("ID");
        assert!(header.replaces(b"__Host-id=other; Path=/"));
        assert!(!header.replaces(b"__Host-id2=other"));
        assert!(!header.replaces(b"theme=dark"));
    }

    #[test]
    fn a_header_carries_the_id_both_ways() {
        let resolver = HeaderResolver::new("X-Auth-Token").unwrap();
        assert_eq!(read(&resolver, "x-auth-token", " ID "), ["ID"]);
        assert!(read(&resolver, "cookie", "x-auth-token=ID").is_empty());
        assert_eq!(resolver.issue("ID").value, "ID");
        assert_eq!(resolver.withdraw().value, "");
        assert_eq!(resolver.vary(), "x-auth-token");
        assert!(HeaderResolver::new("cookie").is_err() && HeaderResolver::new("a b").is_err());
    }

    #[test]
    fn a_bearer_token_carries_the_id_both_ways() {
        let resolver = HeaderResolver::bearer();
        for value in ["Bearer ID", "bearer  ID ", "BEARER ID"] {
            assert_eq!(read(&resolver, "Authorization", value), ["ID"], "{value}");
        }
        for value in ["", "ID", "Bearer", "BearerID", "Basic ID", "Bearér ID"] {
            assert!(read(&resolver, "authorization", value).is_empty(), "{value}");
        }
        assert_eq!(resolver.issue("ID").value, "Bearer ID");
        assert_eq!(resolver.vary(), "authorization");
        assert!(HeaderResolver::new("Authorization").is_err());
    }

    #[test]
    fn no_header_shows_its_value() {
        assert!(!format!("{:?}", CookieResolver::default().issue("SECRET")).contains("SECRET"));
    }
}
