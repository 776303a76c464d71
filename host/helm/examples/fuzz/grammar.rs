//! Templates: statements, pipelines, expressions.

use crate::calls::{self, Kind, Times};
use crate::literals::{self, Quotes};
use crate::tape::Tape;
use crate::values;

/// What both engines are asked to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) template: String,
    /// A YAML document.
    pub(crate) values: String,
}

impl Case {
    /// The chart around the template, which is included, so that its text comes out as JSON whatever it is.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        vec![
            file("Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: \"1.10\"\n"),
            file("files/a.txt", "line1\nline2\n"),
            file("templates/_other.tpl", "{{ define \"other\" }}<{{ . | kindOf }}>{{ end }}"),
            file("templates/_case.tpl", &self.template),
            file("templates/out.yaml", "out: {{ include \"c/templates/_case.tpl\" . | toJson }}\n"),
        ]
    }
}

/// The case that these choices make.
pub(crate) fn case(tape: &mut Tape) -> Case {
    let mut writer = Writer { tape, variables: Vec::new(), dot: Dot::Root, loops: 0, defined: 0, names: 0 };
    let count = 1 + writer.tape.below(3);
    let template = writer.statements(count, 0);
    let values = values::document(tape, &template);
    Case { template, values }
}

/// What `.` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dot {
    /// Helm's root: printing it would print addresses.
    Root,
    Value(Kind),
}

struct Writer<'t> {
    tape: &'t mut Tape,
    variables: Vec<(String, Kind)>,
    dot: Dot,
    /// How many loops are around.
    loops: usize,
    /// How many templates are defined so far.
    defined: usize,
    names: usize,
}

/// How deep statements nest, and calls.
const STATEMENTS: usize = 3;
const CALLS: usize = 3;

impl Writer<'_> {
    fn statements(&mut self, count: usize, depth: usize) -> String {
        let known = self.variables.len();
        let mut text = String::new();
        for _ in 0..count {
            text.push_str(&self.statement(depth));
            if self.tape.once_in(3) {
                text.push_str(self.tape.pick(literals::BETWEEN));
            }
        }
        self.variables.truncate(known);
        text
    }

    fn statement(&mut self, depth: usize) -> String {
        let choice = self.tape.below(if depth < STATEMENTS { 22 } else { 12 });
        match choice {
            0..=9 => {
                let pipeline = self.pipeline(Kind::Any);
                self.action(&pipeline)
            }
            10 => self.assignment(),
            11 => match self.tape.below(4) {
                0 => "{{/* c */}}".to_owned(),
                1 => "{{- /* c */ -}}".to_owned(),
                2 if self.loops > 0 => self.jump("break"),
                3 if self.loops > 0 => self.jump("continue"),
                _ => self.template(),
            },
            12..=14 => self.condition(depth),
            15..=16 => self.with(depth),
            17..=19 => self.range(depth),
            20 => self.definition(depth),
            _ => self.template(),
        }
    }

    /// An action with or without trims.
    fn action(&mut self, inside: &str) -> String {
        let (left, right) =
            self.tape.pick(&[("{{ ", " }}"), ("{{- ", " }}"), ("{{ ", " -}}"), ("{{- ", " -}}"), ("{{", "}}")]);
        format!("{left}{inside}{right}")
    }

    fn jump(&mut self, word: &str) -> String {
        let condition = self.pipeline(Kind::Bool);
        format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}}")
    }

    fn assignment(&mut self) -> String {
        let kind = self.tape.pick(&[Kind::Any, Kind::Text, Kind::Int, Kind::List, Kind::Map]);
        let pipeline = self.pipeline(kind);
        if !self.variables.is_empty() && self.tape.once_in(2) {
            let at = self.tape.below(self.variables.len());
            let name = self.variables[at].0.clone();
            self.variables[at].1 = Kind::Any;
            return self.action(&format!("{name} = {pipeline}"));
        }
        let name = self.name();
        self.variables.push((name.clone(), kind));
        self.action(&format!("{name} := {pipeline}"))
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("$v{}", self.names)
    }

    /// `$v := ` before the pipeline of a block, now and then.
    fn binding(&mut self, kind: Kind) -> String {
        if !self.tape.once_in(4) {
            return String::new();
        }
        let name = self.name();
        self.variables.push((name.clone(), kind));
        format!("{name} := ")
    }

    fn condition(&mut self, depth: usize) -> String {
        let known = self.variables.len();
        let kind = self.tape.pick(&[Kind::Bool, Kind::Any, Kind::Text, Kind::List]);
        let pipeline = self.pipeline(kind);
        let binding = self.binding(kind);
        let mut text = self.action(&format!("if {binding}{pipeline}"));
        text += &self.body(depth);
        for _ in 0..self.tape.below(3) {
            let pipeline = self.pipeline(Kind::Bool);
            text += &self.action(&format!("else if {pipeline}"));
            text += &self.body(depth);
        }
        if self.tape.once_in(2) {
            text += &self.action("else");
            text += &self.body(depth);
        }
        self.variables.truncate(known);
        text + &self.action("end")
    }

    fn body(&mut self, depth: usize) -> String {
        let count = 1 + self.tape.below(2);
        self.statements(count, depth + 1)
    }

    fn with(&mut self, depth: usize) -> String {
        let known = self.variables.len();
        let kind = self.tape.pick(&[Kind::Any, Kind::Map, Kind::List, Kind::Text]);
        let pipeline = self.pipeline(kind);
        let binding = self.binding(kind);
        let mut text = self.action(&format!("with {binding}{pipeline}"));
        text += &self.under(Dot::Value(kind), depth);
        match self.tape.below(4) {
            1 => {
                text += &self.action("else");
                text += &self.body(depth);
            }
            2 => {
                let pipeline = self.pipeline(Kind::Any);
                text += &self.action(&format!("else with {pipeline}"));
                text += &self.under(Dot::Value(Kind::Any), depth);
            }
            _ => {}
        }
        self.variables.truncate(known);
        text + &self.action("end")
    }

    /// A body with another `.`.
    fn under(&mut self, dot: Dot, depth: usize) -> String {
        let outer = std::mem::replace(&mut self.dot, dot);
        let text = self.body(depth);
        self.dot = outer;
        text
    }

    fn range(&mut self, depth: usize) -> String {
        let known = self.variables.len();
        let kind = self.tape.pick(&[Kind::List, Kind::Map, Kind::Count]);
        let pipeline = self.pipeline(kind);
        let binding = match self.tape.below(4) {
            0 => String::new(),
            1 => {
                let name = self.name();
                self.variables.push((name.clone(), Kind::Any));
                format!("{name} := ")
            }
            _ if kind == Kind::Count => String::new(),
            _ => {
                let (key, item) = (self.name(), self.name());
                self.variables.push((key.clone(), if kind == Kind::Map { Kind::Text } else { Kind::Int }));
                self.variables.push((item.clone(), Kind::Any));
                format!("{key}, {item} := ")
            }
        };
        let mut text = self.action(&format!("range {binding}{pipeline}"));
        self.loops += 1;
        text += &self.under(Dot::Value(Kind::Any), depth);
        self.loops -= 1;
        self.variables.truncate(known);
        if self.tape.once_in(3) {
            text += &self.action("else");
            text += &self.body(depth);
        }
        text + &self.action("end")
    }

    /// A template and what calls it.
    fn definition(&mut self, depth: usize) -> String {
        self.names += 1;
        let (number, block) = (self.defined, self.names);
        let outer = (std::mem::take(&mut self.variables), std::mem::take(&mut self.loops));
        let body = self.under(Dot::Value(Kind::Any), depth.max(STATEMENTS - 1));
        (self.variables, self.loops) = outer;
        if depth > 0 {
            // They stand at the top alone.
            let argument = self.operand(Kind::Any, 1);
            return format!("{{{{ block \"b{block}\" {argument} }}}}{body}{{{{ end }}}}");
        }
        self.defined += 1;
        format!("{{{{ define \"t{number}\" }}}}{body}{{{{ end }}}}{}", self.template())
    }

    /// A call of a template.
    fn template(&mut self) -> String {
        let name = match self.tape.below(self.defined + 1) {
            0 => (if self.tape.once_in(20) { "nosuch" } else { "other" }).to_owned(),
            at => format!("t{}", at - 1),
        };
        let argument = self.operand(Kind::Any, 1);
        if self.tape.once_in(2) {
            return self.action(&format!("include \"{name}\" {argument}"));
        }
        self.action(&format!("template \"{name}\" {argument}"))
    }

    /// What an action holds: one command, or several with bars between.
    fn pipeline(&mut self, kind: Kind) -> String {
        if self.tape.once_in(6) {
            return self.operand(kind, 0);
        }
        self.call(kind, 0)
    }

    /// A call without parentheses.
    fn call(&mut self, kind: Kind, depth: usize) -> String {
        if matches!(kind, Kind::Any | Kind::Text) && self.tape.once_in(12) {
            return self.printf(depth);
        }
        let fitting = calls::giving(kind);
        if fitting.is_empty() {
            return self.leaf(kind);
        }
        let signature = fitting[self.tape.below(fitting.len())];
        let mut kinds = Vec::new();
        for (kind, times) in &signature.arguments {
            let count = match times {
                Times::Once => 1,
                Times::Optional => self.tape.below(2),
                Times::UpToThree => self.tape.below(4),
            };
            kinds.extend(std::iter::repeat_n(*kind, count));
        }
        if self.tape.once_in(150) {
            kinds.pop();
        }
        if self.tape.once_in(150) {
            kinds.push(Kind::Any);
        }
        let mut words: Vec<String> = kinds.iter().map(|kind| self.argument(*kind, depth + 1)).collect();
        let piped = words.last().is_some_and(|word| !matches!(word.as_str(), "nil")) && self.tape.once_in(3);
        let before = if piped { words.pop() } else { None };
        words.insert(0, signature.name.to_owned());
        let call = words.join(" ");
        match before {
            Some(before) => format!("{} | {call}", without_parentheses(&before)),
            None => call,
        }
    }

    /// An argument, which now and then is something else than fits.
    fn argument(&mut self, kind: Kind, depth: usize) -> String {
        let strict = matches!(kind, Kind::Moment | Kind::Count);
        let kind = if !strict && self.tape.once_in(30) { Kind::Any } else { kind };
        self.operand(kind, depth)
    }

    fn operand(&mut self, kind: Kind, depth: usize) -> String {
        let callable = !matches!(kind, Kind::Moment | Kind::Count | Kind::Regex | Kind::Template);
        if callable && depth < CALLS && self.tape.once_in(3) && !calls::giving(kind).is_empty() {
            return format!("({})", self.call(kind, depth));
        }
        self.leaf(kind)
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let fits = |known: Kind| kind == Kind::Any || known == kind || kind == Kind::Key && known == Kind::Text;
        let variables: Vec<String> =
            self.variables.iter().filter(|(_, known)| fits(*known)).map(|(name, _)| name.clone()).collect();
        if !variables.is_empty() && self.tape.once_in(3) {
            return variables[self.tape.below(variables.len())].clone();
        }
        if matches!(self.dot, Dot::Value(known) if fits(known)) && self.tape.once_in(3) {
            let field = self.dot == Dot::Value(Kind::Map) && self.tape.once_in(2);
            return (if field { ".a" } else { "." }).to_owned();
        }
        let held: Vec<&str> = values::ALL.iter().filter(|(_, known)| fits(*known)).map(|(key, _)| *key).collect();
        if !held.is_empty() && self.tape.once_in(3) {
            let root = if self.dot == Dot::Root { "" } else { "$" };
            let key = held[self.tape.below(held.len())];
            let below = if kind == Kind::Any { self.below(key) } else { "" };
            return format!("{root}.Values.{key}{below}");
        }
        if kind == Kind::Any {
            let kind =
                self.tape.pick(&[Kind::Int, Kind::Text, Kind::Float, Kind::Bool, Kind::List, Kind::Map, Kind::Time]);
            return if self.tape.once_in(20) { "nil".to_owned() } else { self.literal(kind) };
        }
        let kind = if kind == Kind::Number && self.tape.once_in(3) { Kind::Float } else { kind };
        self.literal(kind)
    }

    /// Fields of a map, and now and then of something else.
    fn below(&mut self, key: &str) -> &'static str {
        match key {
            "m1" | "m2" => self.tape.pick(&["", "", ".a", ".b", ".b.a"]),
            _ if self.tape.once_in(30) => ".a",
            _ => "",
        }
    }

    fn literal(&mut self, kind: Kind) -> String {
        let (all, quotes) = literals::of(kind);
        let literal = self.tape.pick(all);
        match quotes {
            Quotes::None => literal.to_owned(),
            Quotes::Around => format!("\"{literal}\""),
        }
    }

    fn printf(&mut self, depth: usize) -> String {
        let mut format = String::new();
        let mut arguments = Vec::new();
        for _ in 0..1 + self.tape.below(3) {
            format.push_str(self.tape.pick(&["", "|", "a", "é", "%%"]));
            format.push('%');
            for _ in 0..self.tape.below(3) {
                format.push_str(self.tape.pick(&["0", "-", "+", "#", " "]));
            }
            match self.tape.below(6) {
                3 => format.push_str(self.tape.pick(&["5", "1", "12", "0", "30"])),
                4 => {
                    format.push('*');
                    arguments.push(self.operand(Kind::Count, depth + 1));
                }
                5 => format.push_str(self.tape.pick(&["[1]", "[2]", "[3]", "[0]", "[x]", "["])),
                _ => {}
            }
            match self.tape.below(6) {
                4 => format.push_str(self.tape.pick(&[".2", ".0", ".", ".10"])),
                5 => {
                    format.push_str(".*");
                    arguments.push(self.operand(Kind::Count, depth + 1));
                }
                _ => {}
            }
            let (verbs, kind) = self.tape.pick(&[
                ("svqxX", Kind::Text),
                ("dvxXobcqUO", Kind::Int),
                ("vfgeFGEx", Kind::Float),
                ("vdstqxfTg", Kind::Any),
                ("tv", Kind::Bool),
            ]);
            let verb = self.tape.below(verbs.len());
            format.push_str(&verbs[verb..=verb]);
            if !self.tape.once_in(20) {
                arguments.push(self.argument(kind, depth + 1));
            }
        }
        format!("printf \"{format}\" {}", arguments.join(" "))
    }
}

/// The same expression as a command of its own.
fn without_parentheses(operand: &str) -> &str {
    operand.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(operand)
}
