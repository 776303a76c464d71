//! Builds the tree of a template. Unknown functions and undefined variables are found here, as in Go.

use std::collections::HashMap;

use super::lex::{Part, TokenKind, parts};
use super::node::{Binding, Branch, Callee, Constant, Definition, Expr, Node, Parsed, Pipe};
use super::tokens::{Pairs, Tokens};
use super::{Failure, Outcome};
use crate::functions;
use crate::limits::{NESTING, than};
use crate::value::Text;

/// Parses a source: its `define`s, and its body last. Errors have a line and no file.
pub(crate) fn parse(source: &str) -> Outcome<Parsed> {
    let parts = parts(source)?.into_iter();
    let mut parser = Parser {
        definitions: Vec::new(),
        parts,
        tokens: Tokens::default(),
        names: HashMap::new(),
        nodes: Vec::new(),
        operands: Vec::new(),
        variables: vec!["$"],
        nesting: 0,
        deepest: 0,
        loops: 0,
        line: 1,
    };
    let (body, end) = parser.list(Level::Top)?;
    match end {
        Stop::Eof => {}
        _ => return Err(parser.wrong("unexpected {{end}}")),
    }
    parser.add(None, body)?;
    Ok(Parsed { definitions: parser.definitions, nesting: parser.deepest })
}

struct Parser<'a> {
    definitions: Vec<Definition>,
    parts: std::vec::IntoIter<Part<'a>>,
    /// Those of the last action.
    tokens: Tokens<'a>,
    /// Each name once: the same few stand in a source again and again.
    names: HashMap<&'a str, Text>,
    /// Statements and operands of lists that are not complete, innermost last.
    nodes: Vec<Node>,
    operands: Vec<Expr>,
    /// Names in scope, innermost last.
    variables: Vec<&'a str>,
    nesting: usize,
    /// The most that `nesting` was.
    deepest: usize,
    loops: usize,
    line: usize,
}

#[derive(PartialEq, Eq)]
enum Level {
    Top,
    Inside,
}

/// What ended a list of statements.
enum Stop {
    Eof,
    End,
    /// The tokens are those behind it.
    Else,
}

impl<'a> Parser<'a> {
    fn wrong(&self, message: impl Into<String>) -> Box<Failure> {
        Box::new(Failure { message: message.into(), line: self.line, ..Failure::default() })
    }

    fn nest(&mut self, what: &str) -> Outcome<()> {
        self.nesting += 1;
        self.deepest = self.deepest.max(self.nesting);
        if self.nesting <= NESTING {
            return Ok(());
        }
        Err(self.wrong(format!("{what} nest deeper {}", than("template_nesting", NESTING))))
    }

    /// Adds a definition. Of two with the same name one has to be blank, as in Go, and the other stands.
    fn add(&mut self, name: Option<Text>, body: Vec<Node>) -> Outcome<()> {
        let blank = body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()));
        if let Some(name) = &name
            && !blank
            && self.definitions.iter().any(|other| !other.blank && other.name.as_ref() == Some(name))
        {
            return Err(self.wrong(format!("multiple definition of template \"{name}\"")));
        }
        self.definitions.push(Definition { name, body: body.into(), blank });
        Ok(())
    }

    fn list(&mut self, level: Level) -> Outcome<(Vec<Node>, Stop)> {
        self.nest("blocks")?;
        let from = self.nodes.len();
        let end = loop {
            let (inside, line) = match self.parts.next() {
                None => break Stop::Eof,
                Some(Part::Text(text)) => {
                    self.nodes.push(Node::Text(text.into()));
                    continue;
                }
                Some(Part::Action { inside, line }) => (inside, line),
            };
            self.line = line;
            self.tokens.read(inside, line)?;
            match self.tokens.keyword() {
                Some("end") => break Stop::End,
                Some("else") => break Stop::Else,
                Some("define") if level == Level::Top => self.define()?,
                Some("define") => return Err(self.wrong("unexpected {{define}}")),
                keyword => {
                    let node = self.statement(keyword)?;
                    self.nodes.push(node);
                }
            }
        };
        self.nesting -= 1;
        Ok((self.nodes.drain(from..).collect(), end))
    }

    fn statement(&mut self, keyword: Option<&str>) -> Outcome<Node> {
        match keyword {
            Some("if") => Ok(Node::If(self.branch("if")?)),
            Some("with") => Ok(Node::With(self.branch("with")?)),
            Some("range") => Ok(Node::Range(self.branch("range")?)),
            Some("template") => self.template(),
            Some("block") => self.block(),
            Some(word @ ("break" | "continue")) => {
                if self.loops == 0 {
                    return Err(self.wrong(format!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                Ok(if word == "break" { Node::Break } else { Node::Continue })
            }
            _ => {
                let pipe = self.pipe("command")?;
                self.finished()?;
                Ok(Node::Action(pipe))
            }
        }
    }

    fn branch(&mut self, keyword: &str) -> Outcome<Branch> {
        let scope = self.variables.len();
        let pipe = self.pipe(keyword)?;
        self.finished()?;
        self.loops += usize::from(keyword == "range");
        let (then, end) = self.list(Level::Inside)?;
        self.loops -= usize::from(keyword == "range");
        let otherwise = match end {
            Stop::Eof => return Err(self.wrong("unexpected EOF")),
            Stop::End => Vec::new(),
            Stop::Else => self.otherwise(keyword)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    fn otherwise(&mut self, keyword: &str) -> Outcome<Vec<Node>> {
        let next = self.tokens.keyword();
        if let Some(next @ ("if" | "with")) = next
            && next == keyword
        {
            self.nest("{{else if}}")?;
            let branch = self.branch(keyword)?;
            self.nesting -= 1;
            return Ok(vec![if keyword == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.finished()?;
        match self.list(Level::Inside)? {
            (otherwise, Stop::End) => Ok(otherwise),
            (_, Stop::Else) => Err(self.wrong("expected end; found {{else}}")),
            (_, Stop::Eof) => Err(self.wrong("unexpected EOF")),
        }
    }

    fn name(&mut self, context: &str) -> Outcome<Text> {
        match self.tokens.next().map(|token| token.kind) {
            Some(TokenKind::Literal(Constant::Text(name))) => Ok(name),
            _ => Err(self.wrong(format!("unexpected token in {context} clause"))),
        }
    }

    fn define(&mut self) -> Outcome<()> {
        let name = self.name("define")?;
        self.finished()?;
        let body = self.body()?;
        self.add(Some(name), body)
    }

    /// A body with no variables of the outside.
    fn body(&mut self) -> Outcome<Vec<Node>> {
        let outside = std::mem::replace(&mut self.variables, vec!["$"]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.list(Level::Inside)?;
        (self.variables, self.loops) = (outside, loops);
        match end {
            Stop::End => Ok(body),
            Stop::Eof => Err(self.wrong("unexpected EOF")),
            Stop::Else => Err(self.wrong("unexpected {{else}}")),
        }
    }

    fn template(&mut self) -> Outcome<Node> {
        let line = self.line;
        let name = self.name("template")?;
        let data = if self.tokens.first().is_none() { None } else { Some(self.pipe("template clause")?) };
        self.finished()?;
        Ok(Node::Template { name, data, line })
    }

    fn block(&mut self) -> Outcome<Node> {
        let line = self.line;
        let name = self.name("block")?;
        let data = self.pipe("block clause")?;
        self.finished()?;
        let body = self.body()?;
        self.add(Some(name.clone()), body)?;
        Ok(Node::Template { name, data: Some(data), line })
    }

    fn pipe(&mut self, context: &str) -> Outcome<Pipe> {
        self.nest("parentheses")?;
        let line = self.tokens.first().map_or(self.line, |token| token.line);
        let (variables, binding) = self.declarations(context)?;
        let mut commands = Vec::with_capacity(1);
        loop {
            let command = self.command()?;
            if !command.is_empty() {
                commands.push(command);
            } else if commands.is_empty() {
                return Err(self.wrong(format!("missing value for {context}")));
            }
            // A bar with nothing behind it is accepted, as by Go.
            if self.tokens.next_if(|kind| matches!(kind, TokenKind::Bar)).is_none() {
                break;
            }
        }
        let later = commands.iter().skip(1).filter_map(|command| command.first());
        for first in later {
            if matches!(first, Expr::Dot | Expr::Nil | Expr::Constant(_)) {
                return Err(self.wrong("non executable command in pipeline"));
            }
        }
        self.nesting -= 1;
        Ok(Pipe { line, variables, binding, commands })
    }

    fn declarations(&mut self, context: &str) -> Outcome<(Vec<Text>, Binding)> {
        let pairs = if context == "range" { Pairs::Allowed } else { Pairs::Refused };
        let Some((names, declares)) = self.tokens.declared(pairs) else {
            return Ok((Vec::new(), Binding::Declare));
        };
        let texts = names.iter().map(|name| self.text(name)).collect();
        if declares {
            self.variables.extend(names);
            return Ok((texts, Binding::Declare));
        }
        names.iter().try_for_each(|name| self.defined(name))?;
        Ok((texts, Binding::Assign))
    }

    fn defined(&self, name: &str) -> Outcome<()> {
        if self.variables.contains(&name) { Ok(()) } else { Err(self.wrong(format!("undefined variable \"{name}\""))) }
    }

    fn command(&mut self) -> Outcome<Vec<Expr>> {
        let from = self.operands.len();
        while let Some(operand) = self.operand()? {
            self.operands.push(operand);
        }
        Ok(self.operands.drain(from..).collect())
    }

    fn operand(&mut self) -> Outcome<Option<Expr>> {
        let Some(token) = self.tokens.first() else { return Ok(None) };
        if matches!(token.kind, TokenKind::Bar | TokenKind::Close) {
            return Ok(None);
        }
        self.line = token.line;
        let Some(token) = self.tokens.next() else { return Ok(None) };
        let base = match token.kind {
            TokenKind::Literal(value) => Expr::Constant(value),
            TokenKind::Dot => Expr::Dot,
            TokenKind::Field(name) => return Ok(Some(Expr::Field(self.fields(Some(name))))),
            TokenKind::Variable(name) => {
                self.defined(name)?;
                return Ok(Some(Expr::Variable(self.text(name), self.fields(None))));
            }
            TokenKind::Word(word) => self.word(word)?,
            TokenKind::Open => {
                let pipe = self.pipe("parenthesized pipeline")?;
                if self.tokens.next_if(|kind| matches!(kind, TokenKind::Close)).is_none() {
                    return Err(self.wrong("unclosed left paren"));
                }
                Expr::Pipe(Box::new(pipe))
            }
            TokenKind::Comma | TokenKind::Declare | TokenKind::Assign => {
                return Err(self.wrong("unexpected token in operand"));
            }
            TokenKind::Bar | TokenKind::Close => return Ok(None),
        };
        let fields = self.fields(None);
        if fields.is_empty() {
            return Ok(Some(base));
        }
        match base {
            Expr::Constant(_) | Expr::Nil | Expr::Dot => Err(self.wrong("unexpected . after term")),
            base => Ok(Some(Expr::Chain(Box::new(base), fields))),
        }
    }

    fn word(&mut self, word: &'a str) -> Outcome<Expr> {
        match word {
            "true" => Ok(Expr::Constant(Constant::Bool(true))),
            "false" => Ok(Expr::Constant(Constant::Bool(false))),
            "nil" => Ok(Expr::Nil),
            "and" => Ok(Expr::Function(self.text(word), Callee::And)),
            "or" => Ok(Expr::Function(self.text(word), Callee::Or)),
            name => {
                if let Some(function) = functions::find(name) {
                    return Ok(Expr::Function(self.text(word), Callee::Native(function)));
                }
                let mut failure = self.wrong(format!("function \"{name}\" not defined"));
                failure.function = Some(name.to_owned());
                Err(failure.hint("Helm 3.19 has no such function: is the chart made for another version?"))
            }
        }
    }

    /// A name, shared with all others that are the same.
    fn text(&mut self, name: &'a str) -> Text {
        Text::clone(self.names.entry(name).or_insert_with(|| name.into()))
    }

    /// Fields that follow without a blank.
    fn fields(&mut self, first: Option<&'a str>) -> Vec<Text> {
        let mut fields = Vec::with_capacity(usize::from(first.is_some()) + self.tokens.fields());
        if let Some(name) = first {
            fields.push(self.text(name));
        }
        while let Some(name) = self.tokens.field() {
            fields.push(self.text(name));
        }
        fields
    }

    fn finished(&self) -> Outcome<()> {
        match self.tokens.first() {
            None => Ok(()),
            Some(_) => Err(self.wrong("unexpected token in action")),
        }
    }
}
