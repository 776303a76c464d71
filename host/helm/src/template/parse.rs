//! Builds the tree of a template. Unknown functions and undefined variables are found here, as in Go.

use super::lex::{self, Lexer, Part, Token, TokenKind};
use super::literal;
use super::node::{Binding, Branch, Callee, Constant, Definition, Expr, Node, Parsed, Pipe, Span};
use super::tokens::{Pairs, Tokens};
use super::{Failure, Outcome};
use crate::functions;
use crate::limits::{NESTING, TEXT_BYTES, than};
use crate::value::Text;

/// Parses a source: its `define`s, and its body last. Errors have a line and no file.
pub(crate) fn parse(source: &Text) -> Outcome<Parsed> {
    let mut parser = Parser {
        source,
        lexer: Lexer::new(source),
        tokens: Tokens::default(),
        parsed: Parsed { source: Text::clone(source), ..Parsed::default() },
        nodes: Vec::new(),
        commands: Vec::new(),
        operands: Vec::new(),
        functions: Vec::new(),
        variables: vec!["$"],
        nesting: 0,
        loops: 0,
        at: 0,
    };
    if source.len() > TEXT_BYTES {
        return Err(parser.wrong(format!("the template has more bytes {}", than("output_bytes", TEXT_BYTES))));
    }
    let (body, end) = parser.list(Level::Top)?;
    match end {
        Stop::Eof => {}
        _ => return Err(parser.wrong("unexpected {{end}}")),
    }
    parser.add(None, body)?;
    Ok(parser.parsed)
}

struct Parser<'a> {
    source: &'a str,
    lexer: Lexer<'a>,
    /// Those of the last action.
    tokens: Tokens<'a>,
    /// What is complete.
    parsed: Parsed,
    /// Statements, commands and operands of lists that are not, innermost last.
    nodes: Vec<Node>,
    commands: Vec<Span<Expr>>,
    operands: Vec<Expr>,
    /// Functions that were looked up: the same few stand in a source again and again.
    functions: Vec<(&'a str, Callee)>,
    /// Names in scope, innermost last.
    variables: Vec<&'a str>,
    nesting: usize,
    loops: usize,
    /// The byte that an error is about.
    at: usize,
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
        let line = lex::line(self.source, index(self.at));
        Box::new(Failure { message: message.into(), line, ..Failure::default() })
    }

    fn nest(&mut self, what: &str) -> Outcome<()> {
        self.nesting += 1;
        self.parsed.nesting = self.parsed.nesting.max(self.nesting);
        if self.nesting <= NESTING {
            return Ok(());
        }
        Err(self.wrong(format!("{what} nest deeper {}", than("template_nesting", NESTING))))
    }

    /// Adds a definition. Of two with the same name one has to be blank, as in Go, and the other stands.
    fn add(&mut self, name: Option<Text>, body: Span<Node>) -> Outcome<()> {
        let is_blank = |node: &Node| matches!(node, Node::Text(text) if self.parsed.text(*text).trim().is_empty());
        let blank = self.parsed.nodes(body).iter().all(is_blank);
        if let Some(name) = &name
            && !blank
            && self.parsed.definitions.iter().any(|other| !other.blank && other.name.as_ref() == Some(name))
        {
            return Err(self.wrong(format!("multiple definition of template \"{name}\"")));
        }
        self.parsed.definitions.push(Definition { name, body, blank });
        Ok(())
    }

    fn list(&mut self, level: Level) -> Outcome<(Span<Node>, Stop)> {
        self.nest("blocks")?;
        let from = self.nodes.len();
        let end = loop {
            match self.tokens.read(&mut self.lexer)? {
                Part::End => break Stop::Eof,
                Part::Text(text) => {
                    self.nodes.push(Node::Text(Span::new(text)));
                    continue;
                }
                Part::Action(at) => self.at = at,
            }
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
        Ok((complete(&mut self.nodes, from, &mut self.parsed.nodes), end))
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
            Stop::End => Span::new(0..0),
            Stop::Else => self.otherwise(keyword)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    fn otherwise(&mut self, keyword: &str) -> Outcome<Span<Node>> {
        let next = self.tokens.keyword();
        if let Some(next @ ("if" | "with")) = next
            && next == keyword
        {
            self.nest("{{else if}}")?;
            let branch = self.branch(keyword)?;
            self.nesting -= 1;
            let from = self.nodes.len();
            self.nodes.push(if keyword == "if" { Node::If(branch) } else { Node::With(branch) });
            return Ok(complete(&mut self.nodes, from, &mut self.parsed.nodes));
        }
        self.finished()?;
        match self.list(Level::Inside)? {
            (otherwise, Stop::End) => Ok(otherwise),
            (_, Stop::Else) => Err(self.wrong("expected end; found {{else}}")),
            (_, Stop::Eof) => Err(self.wrong("unexpected EOF")),
        }
    }

    fn name(&mut self, context: &str) -> Outcome<Text> {
        let wrong = || format!("unexpected token in {context} clause");
        let Some(TokenKind::Quoted(written)) = self.tokens.next().map(|token| token.kind) else {
            return Err(self.wrong(wrong()));
        };
        match literal::quoted(written).map_err(|message| self.wrong(message))? {
            Constant::Text(name) => Ok(name),
            _ => Err(self.wrong(wrong())),
        }
    }

    fn define(&mut self) -> Outcome<()> {
        let name = self.name("define")?;
        self.finished()?;
        let body = self.body()?;
        self.add(Some(name), body)
    }

    /// A body with no variables of the outside.
    fn body(&mut self) -> Outcome<Span<Node>> {
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
        let at = index(self.at);
        let name = self.name("template")?;
        let data = if self.tokens.first().is_none() { None } else { Some(self.pipe("template clause")?) };
        self.finished()?;
        Ok(Node::Template { name, data, at })
    }

    fn block(&mut self) -> Outcome<Node> {
        let at = index(self.at);
        let name = self.name("block")?;
        let data = self.pipe("block clause")?;
        self.finished()?;
        let body = self.body()?;
        self.add(Some(name.clone()), body)?;
        Ok(Node::Template { name, data: Some(data), at })
    }

    fn pipe(&mut self, context: &str) -> Outcome<Pipe> {
        self.nest("parentheses")?;
        let at = index(self.tokens.first().map_or(self.at, |token| token.at));
        let (variables, binding) = self.declarations(context)?;
        let from = self.commands.len();
        let mut executable = true;
        loop {
            let command = self.command()?;
            if !command.is_empty() {
                let first = self.parsed.operands(command).first();
                let is_first = self.commands.len() == from;
                executable &= is_first || !matches!(first, Some(Expr::Dot | Expr::Nil | Expr::Constant(_)));
                self.commands.push(command);
            } else if self.commands.len() == from {
                return Err(self.wrong(format!("missing value for {context}")));
            }
            // A bar with nothing behind it is accepted, as by Go.
            if self.tokens.next_if(|kind| matches!(kind, TokenKind::Bar)).is_none() {
                break;
            }
        }
        if !executable {
            return Err(self.wrong("non executable command in pipeline"));
        }
        self.nesting -= 1;
        Ok(Pipe { at, variables, binding, commands: complete(&mut self.commands, from, &mut self.parsed.commands) })
    }

    fn declarations(&mut self, context: &str) -> Outcome<(Span<Span<u8>>, Binding)> {
        let pairs = if context == "range" { Pairs::Allowed } else { Pairs::Refused };
        let Some((first, second, declares)) = self.tokens.declared(pairs) else {
            return Ok((Span::new(0..0), Binding::Declare));
        };
        let from = self.parsed.names.len();
        for token in [first].into_iter().chain(second) {
            let TokenKind::Variable(name) = token.kind else { continue };
            self.parsed.names.push(Span::new(token.at..token.at + name.len()));
            if declares {
                self.variables.push(name);
            } else {
                self.defined(name)?;
            }
        }
        let names = Span::new(from..self.parsed.names.len());
        Ok((names, if declares { Binding::Declare } else { Binding::Assign }))
    }

    fn defined(&self, name: &str) -> Outcome<()> {
        if self.variables.contains(&name) { Ok(()) } else { Err(self.wrong(format!("undefined variable \"{name}\""))) }
    }

    fn command(&mut self) -> Outcome<Span<Expr>> {
        let from = self.operands.len();
        while let Some(operand) = self.operand()? {
            self.operands.push(operand);
        }
        Ok(complete(&mut self.operands, from, &mut self.parsed.operands))
    }

    fn operand(&mut self) -> Outcome<Option<Expr>> {
        let Some(token) = self.tokens.first() else { return Ok(None) };
        if matches!(token.kind, TokenKind::Bar | TokenKind::Close) {
            return Ok(None);
        }
        self.at = token.at;
        let Some(token) = self.tokens.next() else { return Ok(None) };
        let base = match token.kind {
            TokenKind::Number(written) => {
                Expr::Constant(literal::value(written).map_err(|message| self.wrong(message))?)
            }
            TokenKind::Quoted(written) => {
                Expr::Constant(literal::quoted(written).map_err(|message| self.wrong(message))?)
            }
            TokenKind::Dot => Expr::Dot,
            TokenKind::Field(_) => return Ok(Some(Expr::Field(self.fields(Some(token))))),
            TokenKind::Variable(name) => {
                self.defined(name)?;
                let name = Span::new(token.at..token.at + name.len());
                return Ok(Some(Expr::Variable(name, self.fields(None))));
            }
            TokenKind::Word(word) => self.word(word, Span::new(token.at..token.at + word.len()))?,
            TokenKind::Open => {
                let pipe = self.pipe("parenthesized pipeline")?;
                if self.tokens.next_if(|kind| matches!(kind, TokenKind::Close)).is_none() {
                    return Err(self.wrong("unclosed left paren"));
                }
                Expr::Pipe(pipe)
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

    fn word(&mut self, word: &'a str, name: Span<u8>) -> Outcome<Expr> {
        match word {
            "true" => Ok(Expr::Constant(Constant::Bool(true))),
            "false" => Ok(Expr::Constant(Constant::Bool(false))),
            "nil" => Ok(Expr::Nil),
            word => Ok(Expr::Function(name, self.function(word)?)),
        }
    }

    fn function(&mut self, name: &'a str) -> Outcome<Callee> {
        if let Some((_, callee)) = self.functions.iter().find(|(known, _)| *known == name) {
            return Ok(*callee);
        }
        let callee = match name {
            "and" => Some(Callee::And),
            "or" => Some(Callee::Or),
            name => functions::find(name).map(Callee::Native),
        };
        let Some(callee) = callee else {
            let mut failure = self.wrong(format!("function \"{name}\" not defined"));
            failure.function = Some(name.to_owned());
            return Err(failure.hint("Helm 3.19 has no such function: is the chart made for another version?"));
        };
        self.functions.push((name, callee));
        Ok(callee)
    }

    /// Fields that follow without a blank.
    fn fields(&mut self, first: Option<Token<'a>>) -> Span<Span<u8>> {
        let from = self.parsed.names.len();
        let mut next = first.or_else(|| self.tokens.field());
        while let Some(Token { kind: TokenKind::Field(name), at, .. }) = next {
            // Behind the point.
            self.parsed.names.push(Span::new(at + 1..at + 1 + name.len()));
            next = self.tokens.field();
        }
        Span::new(from..self.parsed.names.len())
    }

    fn finished(&self) -> Outcome<()> {
        match self.tokens.first() {
            None => Ok(()),
            Some(_) => Err(self.wrong("unexpected token in action")),
        }
    }
}

/// Moves a list whose end was found into the table of its kind.
fn complete<T>(open: &mut Vec<T>, from: usize, table: &mut Vec<T>) -> Span<T> {
    let start = table.len();
    table.extend(open.drain(from..));
    Span::new(start..table.len())
}

/// No source has more bytes than [`TEXT_BYTES`].
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
