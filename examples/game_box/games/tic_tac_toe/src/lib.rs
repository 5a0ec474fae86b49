//! Noughts and crosses for two. Shows: the four functions of a game, and a view for each player.
//!
//! Must not know: how it is shown or kept. Invariant: a move that is refused changes nothing.

#[path = "../../abi.rs"]
mod abi;

use abi::{Constraints, Event, Moved, Start, Viewer, escape, load, refuse, save};
use extism_pdk::{FnResult, plugin_fn};
use serde::{Deserialize, Serialize};

const LINES: [[usize; 3]; 8] = [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
    [0, 3, 6],
    [1, 4, 7],
    [2, 5, 8],
    [0, 4, 8],
    [2, 4, 6],
];

const MARKS: [&str; 2] = ["X", "O"];

#[derive(Serialize, Deserialize)]
struct Game {
    players: Vec<String>,
    /// Who has taken each square, by place in `players`.
    cells: [Option<u8>; 9],
    turn: u8,
    /// Who begins next time.
    first: u8,
    wins: [u32; 2],
    version: u32,
}

/// The values of an event: all are text.
#[derive(Deserialize, Default)]
struct Clicked {
    cell: Option<String>,
}

#[plugin_fn]
pub fn get_constraints(_: ()) -> FnResult<Constraints> {
    Ok(Constraints {
        min_players: 2,
        max_players: 2,
    })
}

#[plugin_fn]
pub fn init_game(start: Start) -> FnResult<()> {
    if start.player_ids.len() != 2 {
        return Err(refuse("this game is for two"));
    }
    save(&Game {
        players: start.player_ids,
        cells: [None; 9],
        turn: 0,
        first: 0,
        wins: [0; 2],
        version: 0,
    })
}

#[plugin_fn]
pub fn handle_event(event: Event<Clicked>) -> FnResult<Moved> {
    let mut game: Game = load()?;
    let Some(player) = game.seat(&event.player_id) else {
        return Err(refuse("you are not playing"));
    };
    match event.event_name.as_str() {
        "cell-clicked" => game.mark(player, event.value.cell.as_deref())?,
        "reset-game" => game.again()?,
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
    Ok(game.html(&viewer.player_id))
}

impl Game {
    fn seat(&self, name: &str) -> Option<u8> {
        let place = self.players.iter().position(|player| player == name)?;
        u8::try_from(place).ok()
    }

    fn winner(&self) -> Option<(u8, [usize; 3])> {
        LINES.iter().find_map(|line| {
            let [a, b, c] = line.map(|cell| self.cells[cell]);
            (a == b && b == c).then_some((a?, *line))
        })
    }

    fn is_over(&self) -> bool {
        self.winner().is_some() || self.cells.iter().all(Option::is_some)
    }

    fn mark(&mut self, player: u8, cell: Option<&str>) -> FnResult<()> {
        if self.is_over() {
            return Err(refuse("this game is over"));
        }
        if player != self.turn {
            return Err(refuse("it is not your turn"));
        }
        let cell = cell
            .and_then(|cell| cell.parse::<usize>().ok())
            .and_then(|cell| self.cells.get_mut(cell));
        match cell {
            Some(cell @ None) => *cell = Some(player),
            Some(Some(_)) => return Err(refuse("that square is taken")),
            None => return Err(refuse("there is no such square")),
        }
        self.turn = 1 - self.turn;
        if let Some((winner, _)) = self.winner() {
            self.wins[usize::from(winner)] += 1;
        }
        Ok(())
    }

    fn again(&mut self) -> FnResult<()> {
        if !self.is_over() {
            return Err(refuse("this game is not over yet"));
        }
        self.cells = [None; 9];
        self.first = 1 - self.first;
        self.turn = self.first;
        Ok(())
    }

    fn html(&self, viewer: &str) -> String {
        let me = self.seat(viewer);
        let line = self.winner().map_or([9; 3], |(_, line)| line);
        let mut cells = String::new();
        for (place, owner) in self.cells.iter().enumerate() {
            cells += &self.cell_html(place, *owner, me, line.contains(&place));
        }
        let again = match me {
            Some(_) if self.is_over() => {
                "<button class=\"again\" phx-click=\"reset-game\">Play again</button>"
            }
            _ => "",
        };
        format!(
            "<style>{STYLE}</style><div class=\"game\">{}<p class=\"status\">{}</p>\
             <div class=\"board\" role=\"group\" aria-label=\"Board\">{cells}</div>{again}</div>",
            self.players_html(me),
            self.status(me),
        )
    }

    fn cell_html(&self, place: usize, owner: Option<u8>, me: Option<u8>, won: bool) -> String {
        let (row, column) = (place / 3 + 1, place % 3 + 1);
        let mark = owner.map_or("", |owner| MARKS[usize::from(owner)]);
        let name = if mark.is_empty() { "empty" } else { mark };
        let class = format!(
            "cell {}{}",
            mark.to_lowercase(),
            if won { " won" } else { "" }
        );
        let label = format!("row {row}, column {column}: {name}");
        if owner.is_none() && me == Some(self.turn) && !self.is_over() {
            format!(
                "<button class=\"{class} free\" aria-label=\"{label}\" phx-click=\"cell-clicked\" \
                 phx-value-cell=\"{place}\"></button>"
            )
        } else {
            format!("<div class=\"{class}\" role=\"img\" aria-label=\"{label}\">{mark}</div>")
        }
    }

    fn players_html(&self, me: Option<u8>) -> String {
        let mut html = String::from("<div class=\"players\">");
        for (place, name) in self.players.iter().enumerate() {
            let seat = u8::try_from(place).ok();
            let turn = !self.is_over() && seat == Some(self.turn);
            html += &format!(
                "<div class=\"player {}{}\"><b>{}</b> {}{} <small>{} won</small></div>",
                MARKS[place].to_lowercase(),
                if turn { " turn" } else { "" },
                MARKS[place],
                escape(name),
                if seat == me { " (you)" } else { "" },
                self.wins[place],
            );
        }
        html + "</div>"
    }

    fn status(&self, me: Option<u8>) -> String {
        match self.winner() {
            Some((winner, _)) if me == Some(winner) => "You won!".into(),
            Some((winner, _)) => format!("{} won.", escape(&self.players[usize::from(winner)])),
            None if self.is_over() => "A draw.".into(),
            None if me == Some(self.turn) => "Your turn.".into(),
            None => format!(
                "{} is thinking.",
                escape(&self.players[usize::from(self.turn)])
            ),
        }
    }
}

const STYLE: &str = "
.game { display: grid; gap: 1rem; justify-items: center; }
.players { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: center; }
.player { padding: .4rem .9rem; border-radius: 99px; border: 2px solid transparent; background: var(--panel); }
.player.turn { border-color: var(--accent); }
.player small { color: var(--muted); }
.player.x b, .cell.x { color: var(--accent); }
.player.o b, .cell.o { color: var(--second); }
.status { margin: 0; font-size: 1.25rem; font-weight: 600; }
.board { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; width: min(100%, 22rem); }
.cell { aspect-ratio: 1; border-radius: 14px; border: 0; background: var(--panel); font: inherit; font-size: 3.2rem;
  font-weight: 700; display: grid; place-items: center; padding: 0; }
.cell.free { cursor: pointer; }
.cell.free:hover { background: var(--hover); }
.cell.won { background: var(--glow); }
.again { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: 99px; cursor: pointer;
  background: var(--accent); color: var(--on-accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
";
