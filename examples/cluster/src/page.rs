//! The page: plain HTML that works without scripts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use axum::http::header;
use axum::response::{Html, IntoResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_session::axum::Session;
use http_session::{Clock as _, SystemClock, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Inline, so that a page is one request: with two of them the front would send each page to the same node.
const STYLE: &str = include_str!("style.css");

/// Nothing is loaded and nothing runs; only the page's own style counts.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

pub(crate) struct Page {
    pub(crate) node: u16,
    pub(crate) session: Session,
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl Page {
    pub(crate) fn into_response(self) -> impl IntoResponse {
        let headers =
            [(header::CONTENT_SECURITY_POLICY, POLICY.as_str()), (header::CACHE_CONTROL, "no-store")];
        (headers, Html(self.to_html()))
    }

    fn to_html(&self) -> String {
        let session = if self.session.exists() { self.live() } else { include_str!("none.html").to_owned() };
        let node = self.node.to_string();
        // So that a change of node catches the eye.
        let color = (self.node % 6).to_string();
        let values = [("style", STYLE), ("node", &node), ("color", &color), ("session", &session)];
        fill(include_str!("page.html"), &values)
    }

    fn live(&self) -> String {
        let handle = self.session.handle().map_or_else(String::new, |handle| handle.to_string());
        let now = SystemClock::new().now();
        let ago = |moment: Option<Timestamp>| {
            moment.map_or_else(|| "just now".to_owned(), |moment| human(now.since(moment)))
        };
        let idle = self.session.idle_timeout().map_or_else(|| "never".to_owned(), human);
        fill(
            include_str!("session.html"),
            &[
                ("handle", &escaped(&handle)),
                ("age", &ago(self.session.created_at())),
                ("accessed", &ago(self.session.last_accessed_at())),
                ("idle", &idle),
                ("attributes", &self.rows()),
            ],
        )
    }

    fn rows(&self) -> String {
        let mut rows = String::new();
        for (name, value) in &self.attributes {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (name, value) = (escaped(name), escaped(&value));
            let _ = write!(rows, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
        }
        if rows.is_empty() {
            rows.push_str("<tr><td class=\"empty\" colspan=\"2\">no attributes</td></tr>");
        }
        rows
    }
}

/// Puts the values in the place of `{{name}}`. What a value holds is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split("{{");
    let mut html = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, text) = part.split_once("}}").unwrap_or((part, ""));
        let value = values.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value);
        html.push_str(value);
        html.push_str(text);
    }
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(char),
        }
    }
    html
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_typed_is_text_on_the_page() {
        assert_eq!(escaped("<b title='&\">"), "&lt;b title=&#39;&amp;&quot;&gt;");
        assert_eq!(fill("<p>{{a}}, {{b}}</p>", &[("a", "{{b}}"), ("b", "x")]), "<p>{{b}}, x</p>");
    }

    #[test]
    fn durations_are_read_at_a_glance() {
        assert_eq!(human(Duration::from_secs(59)), "59 s");
        assert_eq!(human(Duration::from_secs(1800)), "30 min");
        assert_eq!(human(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(human(Duration::from_secs(7300)), "2 h 1 min");
    }
}
