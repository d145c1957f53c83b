// The derive, in each of its forms.
use http_session::SessionAttributes;

#[derive(SessionAttributes)]
#[attributes(prefix = "cart", crate = "http_session")]
pub struct Cart<T: Default + 'static, U>
where
    U: 'static,
{
    /// Documented.
    #[attribute(default)]
    pub items: Vec<T>,
    #[attribute(default = 1 + 1, name = "n")]
    count: u32,
    #[attribute(one_time)]
    message: Option<U>,
    #[attribute(skip)]
    cached: Option<T>,
    #[attribute(skip, default = NotDefault)]
    other: NotDefault,
    r#type: String,
    #[cfg(any())]
    not_there: NotThere,
}

pub struct NotDefault;

fn main() {
    type Both = Cart<u8, String>;
    assert_eq!(Both::NAMES, ["cart.items", "cart.n", "cart.message", "cart.type"]);
    assert_eq!(Both::ONE_TIME, ["cart.message"]);
    let _ = |cart: Both| (cart.items, cart.count, cart.message, cart.cached, cart.other, cart.r#type);
}
