//! What is too large for local storage: a table of texts in the browser's own database. A browser that keeps nothing
//! says so once, and the page tells the person.

use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, IdbDatabase, IdbRequest, IdbTransaction, IdbTransactionMode};

const NAME: &str = "kubarium";
const TABLE: &str = "kept";

/// Why a text was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The browser keeps nothing here: a private window, a setting.
    Nothing,
    /// No room.
    Full,
}

impl Trouble {
    fn of(error: &JsValue) -> Trouble {
        let name = js_sys::Reflect::get(error, &"name".into()).ok().and_then(|n| n.as_string());
        if name.as_deref() == Some("QuotaExceededError") { Trouble::Full } else { Trouble::Nothing }
    }
}

/// A promise and the two functions that settle it.
fn promise() -> (Promise, Function, Function) {
    let mut ends = None;
    let promise = Promise::new(&mut |good, bad| ends = Some((good, bad)));
    let (good, bad) = ends.unwrap_or_default();
    (promise, good, bad)
}

async fn answer(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let (promise, good, bad) = promise();
    let well = Closure::<dyn FnMut(Event)>::new(move |_| drop(good.call0(&JsValue::NULL)));
    let ill = Closure::<dyn FnMut(Event)>::new(move |_| drop(bad.call0(&JsValue::NULL)));
    request.set_onsuccess(Some(well.as_ref().unchecked_ref()));
    request.set_onerror(Some(ill.as_ref().unchecked_ref()));
    let done = JsFuture::from(promise).await;
    request.set_onsuccess(None);
    request.set_onerror(None);
    match done {
        Ok(_) => request.result(),
        Err(_) => Err(request.error()?.map_or(JsValue::NULL, Into::into)),
    }
}

async fn end(transaction: &IdbTransaction) -> Result<(), JsValue> {
    let (promise, good, bad) = promise();
    let well = Closure::<dyn FnMut(Event)>::new(move |_| drop(good.call0(&JsValue::NULL)));
    let ill = Closure::<dyn FnMut(Event)>::new(move |_| drop(bad.call0(&JsValue::NULL)));
    transaction.set_oncomplete(Some(well.as_ref().unchecked_ref()));
    transaction.set_onabort(Some(ill.as_ref().unchecked_ref()));
    let done = JsFuture::from(promise).await;
    transaction.set_oncomplete(None);
    transaction.set_onabort(None);
    match done {
        Ok(_) => Ok(()),
        Err(_) => Err(transaction.error().map_or(JsValue::NULL, Into::into)),
    }
}

async fn database() -> Result<IdbDatabase, JsValue> {
    let factory = gloo::utils::window().indexed_db()?.ok_or(JsValue::NULL)?;
    let request = factory.open_with_u32(NAME, 1)?;
    let asked = request.clone();
    let make = Closure::<dyn FnMut(Event)>::new(move |_| {
        if let Ok(db) = asked.result().and_then(|d| d.dyn_into::<IdbDatabase>()) {
            let _ = db.create_object_store(TABLE);
        }
    });
    request.set_onupgradeneeded(Some(make.as_ref().unchecked_ref()));
    let db: IdbDatabase = answer(&request).await?.dyn_into()?;
    request.set_onupgradeneeded(None);
    Ok(db)
}

/// Reads what was kept under a name.
pub async fn read(name: &str) -> Result<Option<String>, Trouble> {
    let text = async {
        let db = database().await?;
        let store = db.transaction_with_str(TABLE)?.object_store(TABLE)?;
        let found = answer(&store.get(&name.into())?).await;
        db.close();
        found
    };
    text.await.map(|v| v.as_string()).map_err(|e| Trouble::of(&e))
}

/// Keeps a text under a name.
pub async fn write(name: &str, text: &str) -> Result<(), Trouble> {
    let written = async {
        let db = database().await?;
        let transaction = db.transaction_with_str_and_mode(TABLE, IdbTransactionMode::Readwrite)?;
        transaction.object_store(TABLE)?.put_with_key(&text.into(), &name.into())?;
        let done = end(&transaction).await;
        db.close();
        done
    };
    written.await.map_err(|e| Trouble::of(&e))
}

/// Forgets what was kept under a name.
pub async fn remove(name: &str) -> Result<(), Trouble> {
    let removed = async {
        let db = database().await?;
        let transaction = db.transaction_with_str_and_mode(TABLE, IdbTransactionMode::Readwrite)?;
        transaction.object_store(TABLE)?.delete(&name.into())?;
        let done = end(&transaction).await;
        db.close();
        done
    };
    removed.await.map_err(|e| Trouble::of(&e))
}
