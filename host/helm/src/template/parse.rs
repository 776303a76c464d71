//! Builds the tree of a template. Unknown functions and undefined variables are found here, as in Go.

use std::collections::VecDeque;

use super::lex::{Part, Token, TokenKind, parts, tokens};
use super::node::{Binding, Branch, Callee, Constant, Definition, Expr, Node, Parsed, Pipe};
use super::{Failure, Outcome};
use crate::functions;
use crate::limits::{NESTING, than};
use crate::value::Text;

/// Parses a source: its `define`s, and its body last. Errors have a line and no file.
pub(crate) fn parse(source: &str) -> Outcome<Parsed> {
    let parts = parts(source)?.into();
    let mut parser = Parser {
        definitions: Vec::new(),
        parts,
        variables: vec!["$".into()],
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
    parts: VecDeque<Part<'a>>,
    /// Names in scope, innermost last.
    variables: Vec<Text>,
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
    Else(Tokens),
}

impl Parser<'_> {
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
        let mut body = Vec::new();
        let end = loop {
            let (inside, line) = match self.parts.pop_front() {
                None => break Stop::Eof,
                Some(Part::Text(text)) => {
                    body.push(Node::Text(text.into()));
                    continue;
                }
                Some(Part::Action { inside, line }) => (inside, line),
            };
            self.line = line;
            let mut tokens = Tokens(tokens(inside, line)?.into());
            match tokens.keyword().as_deref() {
                Some("end") => break Stop::End,
                Some("else") => break Stop::Else(tokens),
                Some("define") if level == Level::Top => self.define(tokens)?,
                Some("define") => return Err(self.wrong("unexpected {{define}}")),
                keyword => body.push(self.statement(keyword, tokens)?),
            }
        };
        self.nesting -= 1;
        Ok((body, end))
    }

    fn statement(&mut self, keyword: Option<&str>, mut tokens: Tokens) -> Outcome<Node> {
        match keyword {
            Some("if") => Ok(Node::If(self.branch("if", tokens)?)),
            Some("with") => Ok(Node::With(self.branch("with", tokens)?)),
            Some("range") => Ok(Node::Range(self.branch("range", tokens)?)),
            Some("template") => self.template(tokens),
            Some("block") => self.block(tokens),
            Some(word @ ("break" | "continue")) => {
                if self.loops == 0 {
                    return Err(self.wrong(format!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                Ok(if word == "break" { Node::Break } else { Node::Continue })
            }
            _ => {
                let pipe = self.pipe(&mut tokens, "command")?;
                tokens.finished(self)?;
                Ok(Node::Action(pipe))
            }
        }
    }

    fn branch(&mut self, keyword: &str, mut tokens: Tokens) -> Outcome<Branch> {
        let scope = self.variables.len();
        let pipe = self.pipe(&mut tokens, keyword)?;
        tokens.finished(self)?;
        self.loops += usize::from(keyword == "range");
        let (then, end) = self.list(Level::Inside)?;
        self.loops -= usize::from(keyword == "range");
        let otherwise = match end {
            Stop::Eof => return Err(self.wrong("unexpected EOF")),
            Stop::End => Vec::new(),
            Stop::Else(tokens) => self.otherwise(keyword, tokens)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, then, otherwise })
    }

    fn otherwise(&mut self, keyword: &str, mut tokens: Tokens) -> Outcome<Vec<Node>> {
        let next = tokens.keyword();
        if let Some(next @ ("if" | "with")) = next.as_deref()
            && next == keyword
        {
            self.nest("{{else if}}")?;
            let branch = self.branch(keyword, tokens)?;
            self.nesting -= 1;
            return Ok(vec![if keyword == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        tokens.finished(self)?;
        match self.list(Level::Inside)? {
            (otherwise, Stop::End) => Ok(otherwise),
            (_, Stop::Else(_)) => Err(self.wrong("expected end; found {{else}}")),
            (_, Stop::Eof) => Err(self.wrong("unexpected EOF")),
        }
    }

    fn name(&mut self, tokens: &mut Tokens, context: &str) -> Outcome<Text> {
        match tokens.0.pop_front().map(|token| token.kind) {
            Some(TokenKind::Literal(Constant::Text(name))) => Ok(name),
            _ => Err(self.wrong(format!("unexpected token in {context} clause"))),
        }
    }

    fn define(&mut self, mut tokens: Tokens) -> Outcome<()> {
        let name = self.name(&mut tokens, "define")?;
        tokens.finished(self)?;
        let body = self.body()?;
        self.add(Some(name), body)
    }

    /// A body with no variables of the outside.
    fn body(&mut self) -> Outcome<Vec<Node>> {
        let outside = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.list(Level::Inside)?;
        (self.variables, self.loops) = (outside, loops);
        match end {
            Stop::End => Ok(body),
            Stop::Eof => Err(self.wrong("unexpected EOF")),
            Stop::Else(_) => Err(self.wrong("unexpected {{else}}")),
        }
    }

    fn template(&mut self, mut tokens: Tokens) -> Outcome<Node> {
        let line = self.line;
        let name = self.name(&mut tokens, "template")?;
        let data = if tokens.0.is_empty() { None } else { Some(self.pipe(&mut tokens, "template clause")?) };
        tokens.finished(self)?;
        Ok(Node::Template { name, data, line })
    }

    fn block(&mut self, mut tokens: Tokens) -> Outcome<Node> {
        let line = self.line;
        let name = self.name(&mut tokens, "block")?;
        let data = self.pipe(&mut tokens, "block clause")?;
        tokens.finished(self)?;
        let body = self.body()?;
        self.add(Some(name.clone()), body)?;
        Ok(Node::Template { name, data: Some(data), line })
    }

    fn pipe(&mut self, tokens: &mut Tokens, context: &str) -> Outcome<Pipe> {
        self.nest("parentheses")?;
        let line = tokens.0.front().map_or(self.line, |token| token.line);
        let (variables, binding) = self.declarations(tokens, context)?;
        let mut commands = Vec::new();
        loop {
            let command = self.command(tokens)?;
            if !command.is_empty() {
                commands.push(command);
            } else if commands.is_empty() {
                return Err(self.wrong(format!("missing value for {context}")));
            }
            // A bar with nothing behind it is accepted, as by Go.
            if tokens.next_if(|kind| matches!(kind, TokenKind::Bar)).is_none() {
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

    fn declarations(&mut self, tokens: &mut Tokens, context: &str) -> Outcome<(Vec<Text>, Binding)> {
        let kind = |at: usize| tokens.0.get(at).map(|token| &token.kind);
        let mut names = Vec::new();
        let binding = match (kind(0), kind(1), kind(2), kind(3)) {
            (Some(TokenKind::Variable(name)), Some(bind @ (TokenKind::Declare | TokenKind::Assign)), ..) => {
                names.push(name.clone());
                Some(matches!(bind, TokenKind::Declare))
            }
            (
                Some(TokenKind::Variable(key)),
                Some(TokenKind::Comma),
                Some(TokenKind::Variable(value)),
                Some(bind @ (TokenKind::Declare | TokenKind::Assign)),
            ) if context == "range" => {
                names.extend([key.clone(), value.clone()]);
                Some(matches!(bind, TokenKind::Declare))
            }
            _ => None,
        };
        let Some(declares) = binding else { return Ok((names, Binding::Declare)) };
        tokens.0.drain(..names.len() * 2);
        if declares {
            self.variables.extend(names.iter().cloned());
            return Ok((names, Binding::Declare));
        }
        names.iter().try_for_each(|name| self.defined(name))?;
        Ok((names, Binding::Assign))
    }

    fn defined(&self, name: &Text) -> Outcome<()> {
        if self.variables.contains(name) { Ok(()) } else { Err(self.wrong(format!("undefined variable \"{name}\""))) }
    }

    fn command(&mut self, tokens: &mut Tokens) -> Outcome<Vec<Expr>> {
        let mut operands = Vec::new();
        while let Some(operand) = self.operand(tokens)? {
            operands.push(operand);
        }
        Ok(operands)
    }

    fn operand(&mut self, tokens: &mut Tokens) -> Outcome<Option<Expr>> {
        let Some(token) = tokens.0.front() else { return Ok(None) };
        if matches!(token.kind, TokenKind::Bar | TokenKind::Close) {
            return Ok(None);
        }
        self.line = token.line;
        let Some(token) = tokens.0.pop_front() else { return Ok(None) };
        let base = match token.kind {
            TokenKind::Literal(value) => Expr::Constant(value),
            TokenKind::Dot => Expr::Dot,
            TokenKind::Field(name) => return Ok(Some(Expr::Field(tokens.fields(Some(name))))),
            TokenKind::Variable(name) => {
                self.defined(&name)?;
                return Ok(Some(Expr::Variable(name, tokens.fields(None))));
            }
            TokenKind::Word(word) => self.word(&word)?,
            TokenKind::Open => {
                let pipe = self.pipe(tokens, "parenthesized pipeline")?;
                tokens
                    .next_if(|kind| matches!(kind, TokenKind::Close))
                    .ok_or_else(|| self.wrong("unclosed left paren"))?;
                Expr::Pipe(Box::new(pipe))
            }
            TokenKind::Comma | TokenKind::Declare | TokenKind::Assign => {
                return Err(self.wrong("unexpected token in operand"));
            }
            TokenKind::Bar | TokenKind::Close => return Ok(None),
        };
        let fields = tokens.fields(None);
        if fields.is_empty() {
            return Ok(Some(base));
        }
        match base {
            Expr::Constant(_) | Expr::Nil | Expr::Dot => Err(self.wrong("unexpected . after term")),
            base => Ok(Some(Expr::Chain(Box::new(base), fields))),
        }
    }

    fn word(&self, word: &Text) -> Outcome<Expr> {
        match &**word {
            "true" => Ok(Expr::Constant(Constant::Bool(true))),
            "false" => Ok(Expr::Constant(Constant::Bool(false))),
            "nil" => Ok(Expr::Nil),
            "and" => Ok(Expr::Function(word.clone(), Callee::And)),
            "or" => Ok(Expr::Function(word.clone(), Callee::Or)),
            name => {
                if let Some(function) = functions::find(name) {
                    return Ok(Expr::Function(word.clone(), Callee::Native(function)));
                }
                let mut failure = self.wrong(format!("function \"{name}\" not defined"));
                failure.function = Some(name.to_owned());
                Err(failure)
            }
        }
    }
}

/// The tokens of one action that are left.
struct Tokens(VecDeque<Token>);

impl Tokens {
    /// Takes the first token if it is a keyword.
    fn keyword(&mut self) -> Option<Text> {
        const KEYWORDS: [&str; 10] =
            ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"];
        match self.0.front().map(|token| &token.kind) {
            Some(TokenKind::Word(word)) if KEYWORDS.contains(&&**word) => {
                let word = word.clone();
                self.0.pop_front();
                Some(word)
            }
            _ => None,
        }
    }

    fn next_if(&mut self, fits: impl Fn(&TokenKind) -> bool) -> Option<Token> {
        if self.0.front().is_some_and(|token| fits(&token.kind)) { self.0.pop_front() } else { None }
    }

    /// Fields that follow without a blank.
    fn fields(&mut self, first: Option<Text>) -> Vec<Text> {
        let mut fields: Vec<Text> = first.into_iter().collect();
        while let Some(Token { kind: TokenKind::Field(_), spaced: false, .. }) = self.0.front() {
            if let Some(Token { kind: TokenKind::Field(name), .. }) = self.0.pop_front() {
                fields.push(name);
            }
        }
        fields
    }

    fn finished(&self, parser: &Parser<'_>) -> Outcome<()> {
        if self.0.is_empty() { Ok(()) } else { Err(parser.wrong("unexpected token in action")) }
    }
}
