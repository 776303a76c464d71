//! The tokens of one action.

use super::Outcome;
use super::lex::{Lexer, Part, Token, TokenKind};

/// The tokens of an action, and how many of them were taken. All actions of a source use the same memory.
#[derive(Default)]
pub(super) struct Tokens<'a> {
    all: Vec<Token<'a>>,
    taken: usize,
}

impl<'a> Tokens<'a> {
    /// Goes on to what follows; of an action all tokens are here then.
    pub(super) fn read(&mut self, lexer: &mut Lexer<'a>) -> Outcome<Part> {
        self.all.clear();
        self.taken = 0;
        lexer.next(&mut self.all)
    }

    fn left(&self) -> &[Token<'a>] {
        self.all.get(self.taken..).unwrap_or_default()
    }

    pub(super) fn first(&self) -> Option<Token<'a>> {
        self.all.get(self.taken).copied()
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let next = self.first();
        self.taken += 1;
        next
    }

    pub(super) fn next_if(&mut self, fits: impl Fn(TokenKind<'a>) -> bool) -> Option<Token<'a>> {
        if self.first().is_some_and(|token| fits(token.kind)) { self.next() } else { None }
    }

    /// Takes the first token if it is a keyword.
    pub(super) fn keyword(&mut self) -> Option<&'a str> {
        match self.first()?.kind {
            TokenKind::Word(
                word @ ("if" | "else" | "end" | "range" | "with" | "define" | "template" | "block" | "break"
                | "continue"),
            ) => {
                self.taken += 1;
                Some(word)
            }
            _ => None,
        }
    }

    /// Takes `$x :=`, or `$x, $y :=` where a `range` may have two: the first name, the second, and whether they are made
    /// here.
    pub(super) fn declared(&mut self, pairs: Pairs) -> Option<(Token<'a>, Option<Token<'a>>, bool)> {
        use TokenKind::{Assign, Comma, Declare, Variable};
        let declares = |token: &Token<'a>| match token.kind {
            Declare => Some(true),
            Assign => Some(false),
            _ => None,
        };
        match *self.left() {
            [first @ Token { kind: Variable(_), .. }, bind, ..] if declares(&bind).is_some() => {
                self.taken += 2;
                Some((first, None, declares(&bind)?))
            }
            [
                first @ Token { kind: Variable(_), .. },
                Token { kind: Comma, .. },
                second @ Token { kind: Variable(_), .. },
                bind,
                ..,
            ] if pairs == Pairs::Allowed && declares(&bind).is_some() => {
                self.taken += 4;
                Some((first, Some(second), declares(&bind)?))
            }
            _ => None,
        }
    }

    /// Takes a field that follows without a blank.
    pub(super) fn field(&mut self) -> Option<Token<'a>> {
        match self.first()? {
            token @ Token { kind: TokenKind::Field(_), spaced: false, .. } => {
                self.taken += 1;
                Some(token)
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
