//! In which order the modules of a plug-in are instantiated.
//!
//! Invariant: a module comes after every module it imports from; modules that import each other,
//! or themselves, are an error before anything runs.

use extism_abi::Status;

use crate::Fault;

/// Orders `names` so that each comes after those `imports` says it needs. `imports[i]` are indices
/// into `names`.
///
/// # Errors
/// [`Status::ImportCycle`], with the names, if modules import each other.
pub fn order(names: &[&str], imports: &[Vec<usize>]) -> Result<Vec<usize>, Fault> {
    let mut walk = Walk {
        names,
        imports,
        marks: vec![Mark::New; names.len()],
        order: Vec::with_capacity(names.len()),
    };
    // Modules nobody imports are instantiated all the same, in the order of their names.
    let mut by_name: Vec<usize> = (0..names.len()).collect();
    by_name.sort_unstable_by_key(|index| names[*index]);
    for index in by_name {
        walk.visit(index)?;
    }
    Ok(walk.order)
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    names: &'a [&'a str],
    imports: &'a [Vec<usize>],
    marks: Vec<Mark>,
    order: Vec<usize>,
}

impl Walk<'_> {
    /// Depth first, with a stack of its own: a chain of many modules must not use up the thread's.
    fn visit(&mut self, start: usize) -> Result<(), Fault> {
        let mut path = vec![(start, 0)];
        while let Some((index, next)) = path.last_mut() {
            let index = *index;
            if self.marks[index] == Mark::Done {
                path.pop();
                continue;
            }
            self.marks[index] = Mark::Open;
            let Some(import) = self.imports[index].get(*next).copied() else {
                self.marks[index] = Mark::Done;
                self.order.push(index);
                path.pop();
                continue;
            };
            *next += 1;
            match self.marks[import] {
                Mark::New => path.push((import, 0)),
                Mark::Open => return Err(self.cycle(&path, import)),
                Mark::Done => {}
            }
        }
        Ok(())
    }

    fn cycle(&self, path: &[(usize, usize)], back_to: usize) -> Fault {
        let from = path
            .iter()
            .position(|(index, _)| *index == back_to)
            .unwrap_or(0);
        let mut names: Vec<&str> = path[from..]
            .iter()
            .map(|(index, _)| self.names[*index])
            .collect();
        names.push(self.names[back_to]);
        Fault::new(
            Status::ImportCycle,
            format!("modules import each other: {}", names.join(" -> ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first() {
        let order = order(&["main", "b", "a"], &[vec![1], vec![2], vec![]]);
        assert_eq!(order.unwrap(), [2, 1, 0]);
    }

    #[test]
    fn cycles_are_named() {
        for (names, imports, text) in [
            (vec!["main"], vec![vec![0]], "main -> main"),
            (vec!["main", "a"], vec![vec![1], vec![0]], "a -> main -> a"),
        ] {
            let error = order(&names, &imports).unwrap_err();
            assert_eq!(error.status(), Status::ImportCycle);
            assert_eq!(
                error.message(),
                format!("modules import each other: {text}")
            );
        }
    }

    #[test]
    fn a_long_chain_is_walked_without_recursion() {
        let names: Vec<String> = (0..10_000).map(|i| format!("m{i:05}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let imports: Vec<Vec<usize>> = (0..10_000)
            .map(|i| if i + 1 < 10_000 { vec![i + 1] } else { vec![] })
            .collect();
        let order = order(&names, &imports).unwrap();
        assert_eq!((order[0], order[9_999]), (9_999, 0));
    }
}
