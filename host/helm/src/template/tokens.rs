//! The tokens of one action.

use super::Outcome;
use super::lex::{self, Token, TokenKind};

/// The tokens of an action that are left, the next one last. All actions of a source use the same memory.
#[derive(Default)]
pub(super) struct Tokens<'a>(Vec<Token<'a>>);

impl<'a> Tokens<'a> {
    /// Takes the tokens of the next action.
    pub(super) fn read(&mut self, inside: &'a str, line: usize) -> Outcome<()> {
        self.0.clear();
        lex::tokens(inside, line, &mut self.0)?;
        self.0.reverse();
        Ok(())
    }

    pub(super) fn first(&self) -> Option<&Token<'a>> {
        self.0.last()
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        self.0.pop()
    }

    pub(super) fn next_if(&mut self, fits: impl Fn(&TokenKind<'a>) -> bool) -> Option<Token<'a>> {
        if self.first().is_some_and(|token| fits(&token.kind)) { self.next() } else { None }
    }

    /// Takes the first token if it is a keyword.
    pub(super) fn keyword(&mut self) -> Option<&'a str> {
        match self.first()?.kind {
            TokenKind::Word(
                word @ ("if" | "else" | "end" | "range" | "with" | "define" | "template" | "block" | "break"
                | "continue"),
            ) => {
                self.0.pop();
                Some(word)
            }
            _ => None,
        }
    }

    /// Takes `$x :=`, or `$x, $y :=` where a `range` may have two: the names, and whether they are made here.
    pub(super) fn declared(&mut self, pairs: Pairs) -> Option<(Vec<&'a str>, bool)> {
        use TokenKind::{Assign, Comma, Declare, Variable};
        let is_binding = |kind: &TokenKind<'_>| matches!(kind, Declare | Assign);
        let (names, declares) = match self.0.as_slice() {
            [.., Token { kind: bind, .. }, Token { kind: Variable(name), .. }] if is_binding(bind) => {
                (vec![*name], matches!(bind, Declare))
            }
            [
                ..,
                Token { kind: bind, .. },
                Token { kind: Variable(value), .. },
                Token { kind: Comma, .. },
                Token { kind: Variable(key), .. },
            ] if pairs == Pairs::Allowed && is_binding(bind) => (vec![*key, *value], matches!(bind, Declare)),
            _ => return None,
        };
        self.0.truncate(self.0.len() - names.len() * 2);
        Some((names, declares))
    }

    /// How many fields follow without a blank.
    pub(super) fn fields(&self) -> usize {
        let is_field = |token: &&Token<'a>| matches!(token, Token { kind: TokenKind::Field(_), spaced: false, .. });
        self.0.iter().rev().take_while(is_field).count()
    }

    /// Takes a field that follows without a blank.
    pub(super) fn field(&mut self) -> Option<&'a str> {
        match self.first()? {
            Token { kind: TokenKind::Field(name), spaced: false, .. } => {
                let name = *name;
                self.0.pop();
                Some(name)
            }
            _ => None,
        }
    }
}

/// Whether two variables may be declared at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    Allowed,
    Refused,
}
