//! Liar's dice for two to eight: everybody sees their own dice only. Shows: secrets, forms, chance from a
//! seed.
//!
//! Must not know: how it is shown or kept. Invariant: the dice of others are in no view before a bid is
//! called.

#[path = "../../abi.rs"]
mod abi;
mod chance;
mod view;

use abi::{Constraints, Event, Moved, Start, Viewer, load, refuse, save};
use chance::Chance;
use extism_pdk::{FnResult, config, plugin_fn};
use serde::{Deserialize, Serialize};

const DICE: usize = 5;

#[derive(Serialize, Deserialize)]
struct Game {
    seats: Vec<Seat>,
    turn: usize,
    bid: Option<Bid>,
    phase: Phase,
    chance: Chance,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Seat {
    name: String,
    /// Without dice, a player is out.
    dice: Vec<u8>,
}

/// "There are at least so many dice of this face under all cups together."
#[derive(Clone, Serialize, Deserialize)]
struct Bid {
    seat: usize,
    count: usize,
    face: u8,
}

#[derive(Serialize, Deserialize)]
enum Phase {
    Bidding,
    /// A bid was called: all cups are up.
    Called {
        caller: usize,
        found: usize,
        loser: usize,
    },
}

/// The values of an event: all are text.
#[derive(Deserialize, Default)]
struct Values {
    count: Option<String>,
    face: Option<String>,
}

#[plugin_fn]
pub fn get_constraints(_: ()) -> FnResult<Constraints> {
    Ok(Constraints {
        min_players: 2,
        max_players: 8,
    })
}

#[plugin_fn]
pub fn init_game(start: Start) -> FnResult<()> {
    if !(2..=8).contains(&start.player_ids.len()) {
        return Err(refuse("this game is for two to eight"));
    }
    let seat = |name| Seat {
        name,
        dice: vec![1; DICE],
    };
    let mut game = Game {
        seats: start.player_ids.into_iter().map(seat).collect(),
        turn: 0,
        bid: None,
        phase: Phase::Bidding,
        chance: Chance::from_seed(&config::get("seed")?.unwrap_or_default()),
        version: 0,
    };
    game.roll();
    save(&game)
}

#[plugin_fn]
pub fn handle_event(event: Event<Values>) -> FnResult<Moved> {
    let mut game: Game = load()?;
    let Some(player) = game.seat(&event.player_id) else {
        return Err(refuse("you are not playing"));
    };
    match event.event_name.as_str() {
        "bid" => game.raise(player, &event.value)?,
        "liar" => game.call(player)?,
        "next" => game.next(player)?,
        "again" => game.again()?,
        _ => return Err(refuse("there is no such move")),
    }
    game.version += 1;
    save(&game)?;
    Ok(Moved {
        version: game.version,
    })
}

#[plugin_fn]
pub fn render(viewer: Viewer) -> FnResult<String> {
    let game: Game = load()?;
    Ok(view::html(&game, &viewer.player_id))
}

impl Game {
    fn seat(&self, name: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.name == name)
    }

    fn dice(&self) -> usize {
        self.seats.iter().map(|seat| seat.dice.len()).sum()
    }

    /// Who has won, when only one has dice left; the die that a call has cost is gone already.
    fn winner(&self) -> Option<usize> {
        let mut left = (0..self.seats.len()).filter(|seat| self.left(*seat) > 0);
        let first = left.next()?;
        left.next().is_none().then_some(first)
    }

    /// The dice a player has after the call that everybody is looking at.
    fn left(&self, seat: usize) -> usize {
        let lost = matches!(self.phase, Phase::Called { loser, .. } if loser == seat);
        self.seats[seat].dice.len() - usize::from(lost)
    }

    /// The least bid that tops the one there is, if any does.
    fn least_bid(&self) -> Option<(usize, u8)> {
        match &self.bid {
            None => Some((1, 1)),
            Some(bid) if bid.face < 6 => Some((bid.count, bid.face + 1)),
            Some(bid) if bid.count < self.dice() => Some((bid.count + 1, 1)),
            Some(_) => None,
        }
    }

    fn roll(&mut self) {
        for seat in &mut self.seats {
            for die in &mut seat.dice {
                *die = self.chance.die();
            }
            seat.dice.sort_unstable();
        }
        self.bid = None;
        self.phase = Phase::Bidding;
    }

    fn raise(&mut self, player: usize, values: &Values) -> FnResult<()> {
        self.check_turn(player)?;
        let number = |text: &Option<String>| text.as_ref()?.parse::<usize>().ok();
        let (Some(count), Some(face)) = (number(&values.count), number(&values.face)) else {
            return Err(refuse("say how many dice, and of which face"));
        };
        if !(1..=6).contains(&face) || !(1..=self.dice()).contains(&count) {
            return Err(refuse("there are not so many dice"));
        }
        let face = face as u8;
        if let Some(bid) = &self.bid
            && (count, face) <= (bid.count, bid.face)
        {
            return Err(refuse("bid more dice, or as many of a higher face"));
        }
        self.bid = Some(Bid {
            seat: player,
            count,
            face,
        });
        self.turn = self.after(player);
        Ok(())
    }

    fn call(&mut self, player: usize) -> FnResult<()> {
        self.check_turn(player)?;
        let Some(bid) = &self.bid else {
            return Err(refuse("there is no bid to call"));
        };
        let all = self.seats.iter().flat_map(|seat| &seat.dice);
        let found = all.filter(|die| **die == bid.face).count();
        let loser = if found < bid.count { bid.seat } else { player };
        self.phase = Phase::Called {
            caller: player,
            found,
            loser,
        };
        Ok(())
    }

    fn next(&mut self, player: usize) -> FnResult<()> {
        let Phase::Called { loser, .. } = self.phase else {
            return Err(refuse("nobody has called"));
        };
        if self.winner().is_some() || self.left(player) == 0 {
            return Err(refuse("you are out"));
        }
        self.seats[loser].dice.pop();
        self.turn = match self.seats[loser].dice.is_empty() {
            true => self.after(loser),
            false => loser,
        };
        self.roll();
        Ok(())
    }

    fn again(&mut self) -> FnResult<()> {
        let Some(winner) = self.winner() else {
            return Err(refuse("this game is not over yet"));
        };
        for seat in &mut self.seats {
            seat.dice = vec![1; DICE];
        }
        self.turn = winner;
        self.roll();
        Ok(())
    }

    fn check_turn(&self, player: usize) -> FnResult<()> {
        match self.phase {
            Phase::Called { .. } => Err(refuse("the cups are up: roll again")),
            Phase::Bidding if player != self.turn => Err(refuse("it is not your turn")),
            Phase::Bidding => Ok(()),
        }
    }

    /// The next player who has dice.
    fn after(&self, seat: usize) -> usize {
        let count = self.seats.len();
        (1..count)
            .map(|step| (seat + step) % count)
            .find(|next| !self.seats[*next].dice.is_empty())
            .unwrap_or(seat)
    }
}
