//! What a player, or somebody who watches, sees of the table.
//!
//! Must not know: the rules beyond what [`Game`] answers. Invariant: dice of others appear only when the cups
//! are up.

use crate::abi::escape;
use crate::{Bid, Game, Phase};

const FACES: [&str; 6] = ["one", "two", "three", "four", "five", "six"];

pub(crate) fn html(game: &Game, viewer: &str) -> String {
    let me = game.seat(viewer);
    let mut seats = String::new();
    for seat in 0..game.seats.len() {
        seats += &seat_html(game, seat, me);
    }
    format!(
        "<style>{STYLE}</style><div class=\"game\"><div class=\"table\">{seats}</div>\
         <div class=\"middle\">{}</div><p class=\"status\">{}</p>{}</div>",
        bid_html(game),
        status(game, me),
        me.map_or_else(String::new, |me| controls(game, me)),
    )
}

fn seat_html(game: &Game, seat: usize, me: Option<usize>) -> String {
    let Seat { name, dice } = Seat::of(game, seat);
    let called = matches!(game.phase, Phase::Called { .. });
    let shown = called || me == Some(seat);
    let wanted = match (&game.bid, called) {
        (Some(bid), true) => bid.face,
        _ => 0,
    };
    let mut row = String::new();
    for die in dice {
        row += &if shown {
            die_html(*die, if *die == wanted { "hit" } else { "" })
        } else {
            String::from("<span class=\"die hidden\" role=\"img\" aria-label=\"hidden\">?</span>")
        };
    }
    let state = match game.phase {
        _ if dice.is_empty() => "out",
        Phase::Called { loser, .. } if loser == seat => "loser",
        Phase::Bidding if game.turn == seat => "turn",
        _ => "",
    };
    let you = if me == Some(seat) {
        " <small>you</small>"
    } else {
        ""
    };
    let left = match dice.len() {
        0 => "out".into(),
        1 => "1 die".into(),
        many => format!("{many} dice"),
    };
    format!(
        "<section class=\"seat {state}\"><h3>{}{you}<span class=\"left\">{left}</span></h3>\
         <div class=\"dice\">{row}</div></section>",
        escape(name)
    )
}

struct Seat<'a> {
    name: &'a str,
    dice: &'a [u8],
}

impl<'a> Seat<'a> {
    fn of(game: &'a Game, seat: usize) -> Self {
        let seat = &game.seats[seat];
        Self {
            name: &seat.name,
            dice: &seat.dice,
        }
    }
}

fn die_html(face: u8, class: &str) -> String {
    let pips = "<i></i>".repeat(usize::from(face));
    let name = FACES[usize::from(face) - 1];
    format!("<span class=\"die d{face} {class}\" role=\"img\" aria-label=\"{name}\">{pips}</span>")
}

fn bid_html(game: &Game) -> String {
    match &game.bid {
        None => format!(
            "<p class=\"none\">No bid yet. {} dice on the table.</p>",
            game.dice()
        ),
        Some(Bid { seat, count, face }) => format!(
            "<p class=\"bid\"><b>{count}</b><span class=\"times\">×</span>{}</p>\
             <p class=\"by\">bid by {}, of {} dice on the table</p>",
            die_html(*face, "big"),
            escape(&game.seats[*seat].name),
            game.dice(),
        ),
    }
}

fn status(game: &Game, me: Option<usize>) -> String {
    let name = |seat: usize| match me == Some(seat) {
        true => String::from("You"),
        false => escape(&game.seats[seat].name),
    };
    match &game.phase {
        Phase::Bidding if me == Some(game.turn) => "Your turn.".into(),
        Phase::Bidding => format!("{} is thinking.", name(game.turn)),
        Phase::Called {
            caller,
            found,
            loser,
        } => {
            let end = match game.winner() {
                Some(winner) => format!(" {} won the game!", name(winner)),
                None => String::new(),
            };
            let verb = if *found == 1 { "is" } else { "are" };
            format!(
                "{} called: there {verb} {found}. {} lost a die.{end}",
                name(*caller),
                name(*loser),
            )
        }
    }
}

fn controls(game: &Game, me: usize) -> String {
    if matches!(game.phase, Phase::Called { .. }) {
        return match game.winner() {
            Some(_) => button("again", "Play again"),
            None if game.left(me) > 0 => button("next", "Roll again"),
            None => String::new(),
        };
    }
    if game.turn != me {
        return String::new();
    }
    let call = match game.bid {
        Some(_) => "<button class=\"liar\" phx-click=\"liar\">Liar!</button>",
        None => "",
    };
    let form = game
        .least_bid()
        .map_or_else(String::new, |least| form(game, least));
    format!("<div class=\"controls\">{form}{call}</div>")
}

fn button(event: &str, label: &str) -> String {
    format!("<button class=\"main\" phx-click=\"{event}\">{label}</button>")
}

fn form(game: &Game, (least, face): (usize, u8)) -> String {
    let mut counts = String::new();
    for count in least..=game.dice() {
        counts += &format!("<option value=\"{count}\">{count}</option>");
    }
    let mut faces = String::new();
    for option in 1..=6 {
        let checked = if option == face { " checked" } else { "" };
        faces += &format!(
            "<label class=\"face\"><input type=\"radio\" name=\"face\" value=\"{option}\"{checked}>{}</label>",
            die_html(option, ""),
        );
    }
    format!(
        "<form phx-submit=\"bid\"><label class=\"count\">I say there are at least \
         <select name=\"count\">{counts}</select></label>\
         <fieldset class=\"faces\"><legend>of</legend>{faces}</fieldset>\
         <button class=\"main\">Bid</button></form>"
    )
}

const STYLE: &str = "
.game { display: grid; gap: 1.1rem; }
.table { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .7rem; }
.seat { background: var(--panel); border-radius: 14px; padding: .7rem .9rem; border: 2px solid transparent; }
.seat.turn { border-color: var(--accent); }
.seat.loser { border-color: var(--second); }
.seat.out { opacity: .5; }
.seat h3 { margin: 0 0 .5rem; font-size: 1rem; display: flex; gap: .5rem; align-items: baseline; }
.seat small { color: var(--accent); }
.left { margin-left: auto; color: var(--muted); font-weight: 400; font-size: .85rem; }
.dice { display: flex; gap: .4rem; min-height: 2.3rem; }
.die { width: 2.3rem; height: 2.3rem; border-radius: 8px; background: #fdfcf8; display: inline-grid; padding: .32rem;
  grid-template-columns: repeat(3, 1fr); grid-template-rows: repeat(3, 1fr); box-sizing: border-box;
  box-shadow: 0 1px 3px rgba(0, 0, 0, .35); vertical-align: middle; }
.die i { width: .42rem; height: .42rem; border-radius: 50%; background: #22242e; place-self: center; }
.die.hidden { background: var(--hover); color: var(--muted); display: inline-flex; align-items: center;
  justify-content: center; box-shadow: none; font-weight: 600; }
.die.hit { background: #ffd76a; }
.die.big { width: 3.2rem; height: 3.2rem; }
.die.big i { width: .55rem; height: .55rem; }
.d1 i { grid-area: 2 / 2; }
.d2 i:nth-child(1), .d3 i:nth-child(1), .d4 i:nth-child(1), .d5 i:nth-child(1), .d6 i:nth-child(1) { grid-area: 1 / 1; }
.d2 i:nth-child(2), .d3 i:nth-child(2), .d4 i:nth-child(2), .d5 i:nth-child(2), .d6 i:nth-child(2) { grid-area: 3 / 3; }
.d3 i:nth-child(3), .d5 i:nth-child(5) { grid-area: 2 / 2; }
.d4 i:nth-child(3), .d5 i:nth-child(3), .d6 i:nth-child(3) { grid-area: 1 / 3; }
.d4 i:nth-child(4), .d5 i:nth-child(4), .d6 i:nth-child(4) { grid-area: 3 / 1; }
.d6 i:nth-child(5) { grid-area: 2 / 1; }
.d6 i:nth-child(6) { grid-area: 2 / 3; }
.middle { text-align: center; }
.bid { margin: 0; display: flex; gap: .7rem; justify-content: center; align-items: center; font-size: 2.2rem; }
.times, .by, .none { color: var(--muted); }
.by, .none { margin: .3rem 0 0; }
.status { margin: 0; text-align: center; font-size: 1.2rem; font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; gap: 1rem; justify-content: center; align-items: center; }
form { display: flex; flex-wrap: wrap; gap: .8rem; align-items: center; justify-content: center; }
select { font: inherit; padding: .45rem .6rem; border-radius: 10px; background: var(--panel); color: var(--text);
  border: 1px solid var(--line); }
.faces { border: 0; margin: 0; padding: 0; display: flex; gap: .3rem; align-items: center; }
.faces legend { float: left; padding: 0 .4rem 0 0; }
.face { cursor: pointer; position: relative; border-radius: 11px; padding: 3px; }
.face input { position: absolute; opacity: 0; }
.face:has(input:checked) { background: var(--accent); }
.face:has(input:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px; }
.main, .liar { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: 99px; cursor: pointer;
  background: var(--accent); color: var(--on-accent); justify-self: center; }
.liar { background: var(--second); }
button:focus-visible, select:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
";
