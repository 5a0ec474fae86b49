//! What the box and a game say to each other, as Rust types. Both games include this file.
//!
//! Must not know: any game. Invariant: text of players reaches HTML through [`escape`] only.

use extism_pdk::{Error, FromBytes, Json, ToBytes, WithReturnCode, var};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How many players a game takes.
#[derive(Serialize, ToBytes)]
#[encoding(Json)]
pub struct Constraints {
    pub min_players: u8,
    pub max_players: u8,
}

/// Who plays, in the order in which they came.
#[derive(Deserialize, FromBytes)]
#[encoding(Json)]
pub struct Start {
    pub player_ids: Vec<String>,
}

/// Whom a view is for; nobody in particular if the name is empty.
#[derive(Deserialize, FromBytes)]
#[encoding(Json)]
pub struct Viewer {
    pub player_id: String,
}

/// Something a player did: the name an element of the view gave it, and the values it sent along.
#[derive(Deserialize, FromBytes)]
#[encoding(Json)]
pub struct Event<Value> {
    pub player_id: String,
    pub event_name: String,
    pub value: Value,
}

/// The answer to an event: a number that grows with every move.
#[derive(Serialize, ToBytes)]
#[encoding(Json)]
pub struct Moved {
    pub version: u32,
}

const STATE: &str = "state";

/// The state as the last move left it.
pub fn load<State: DeserializeOwned>() -> Result<State, WithReturnCode<Error>> {
    let Some(Json(state)) = var::get::<Json<State>>(STATE)? else {
        return Err(refuse("the game has not begun"));
    };
    Ok(state)
}

/// Keeps the state for the next call.
pub fn save<State: Serialize>(state: &State) -> Result<(), WithReturnCode<Error>> {
    Ok(var::set(STATE, Json(state))?)
}

/// An error that the player who made the move is shown.
pub fn refuse(text: &'static str) -> WithReturnCode<Error> {
    Error::msg(text).into()
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
