//! The grammar of Go expressions, as far as rules use it: `||` binds loosest, then `&&`, then `!`.

use super::ast::Expr;
use super::error::{RuleError, RuleProblem};
use super::lexer::{Lexer, Token};
use super::names;
use super::vocabulary::{Argument, Call, Vocabulary};

/// The deepest nesting of parentheses; keeps the recursion off the end of the stack.
const MAX_NESTING: usize = 100;

/// The values of host matchers that are not negated, lower-cased, each once.
pub(super) type Hosts = Box<[Box<str>]>;

/// Returns the expression, and the values of its host matchers that are not negated.
pub(super) fn parse<M>(text: &str, vocabulary: &Vocabulary<M>) -> Result<(Expr<M>, Hosts), RuleError> {
    let mut parser = Parser::new(text, vocabulary)?;
    if parser.token == Token::End {
        return Err(RuleError::new(0, RuleProblem::Empty));
    }
    let expr = parser.any(0)?;
    if parser.token == Token::NewLine {
        let at = parser.at;
        parser.advance()?;
        if parser.token != Token::End {
            return Err(RuleError::new(at, RuleProblem::NewLine));
        }
    }
    match parser.token {
        Token::End => Ok((expr, parser.hosts.into())),
        _ => Err(parser.unexpected("`&&`, `||` or the end of the rule")),
    }
}

struct Parser<'a, M> {
    lexer: Lexer<'a>,
    at: usize,
    token: Token<'a>,
    vocabulary: &'a Vocabulary<M>,
    hosts: Vec<Box<str>>,
    /// True if the part being read is negated.
    negated: bool,
}

impl<'a, M> Parser<'a, M> {
    fn new(text: &'a str, vocabulary: &'a Vocabulary<M>) -> Result<Self, RuleError> {
        let mut lexer = Lexer::new(text);
        let (at, token) = lexer.next()?;
        Ok(Self { lexer, at, token, vocabulary, hosts: Vec::new(), negated: false })
    }

    fn advance(&mut self) -> Result<Token<'a>, RuleError> {
        let (at, token) = self.lexer.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn unexpected(&self, expected: &'static str) -> RuleError {
        match self.token {
            Token::NewLine => RuleError::new(self.at, RuleProblem::NewLine),
            _ => RuleError::expected(self.at, expected, self.token.describe()),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expr<M>, RuleError> {
        let first = self.all(depth)?;
        if self.token != Token::Or {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.token == Token::Or {
            self.advance()?;
            parts.push(self.all(depth)?);
        }
        Ok(Expr::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expr<M>, RuleError> {
        let first = self.unary(depth)?;
        if self.token != Token::And {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.token == Token::And {
            self.advance()?;
            parts.push(self.unary(depth)?);
        }
        Ok(Expr::All(parts))
    }

    fn unary(&mut self, depth: usize) -> Result<Expr<M>, RuleError> {
        let mut negated = false;
        while self.token == Token::Not {
            self.advance()?;
            negated = !negated;
        }
        self.negated ^= negated;
        let expr = self.primary(depth)?;
        self.negated ^= negated;
        Ok(if negated { expr.negate() } else { expr })
    }

    fn primary(&mut self, depth: usize) -> Result<Expr<M>, RuleError> {
        match self.token {
            Token::Open => {
                if depth >= MAX_NESTING {
                    return Err(RuleError::new(self.at, RuleProblem::Nesting { limit: MAX_NESTING }));
                }
                self.advance()?;
                let expr = self.any(depth + 1)?;
                if self.token != Token::Close {
                    return Err(self.unexpected("`&&`, `||` or `)`"));
                }
                self.advance()?;
                Ok(expr)
            }
            Token::Name(name) => self.matcher(name),
            _ => Err(self.unexpected(self.vocabulary.example)),
        }
    }

    fn matcher(&mut self, written: &str) -> Result<Expr<M>, RuleError> {
        let at = self.at;
        self.advance()?;
        let name = names::resolve(written, &self.vocabulary.names).map_err(|problem| RuleError::new(at, problem))?;
        if self.token != Token::Open {
            return Err(self.unexpected("`(` after the matcher's name"));
        }
        self.advance()?;
        let arguments = self.arguments()?;
        let call = Call { at, name, arguments };
        let empty = call.arguments.iter().find(|argument| argument.text.is_empty());
        if let Some(argument) = empty {
            return Err(RuleError::new(argument.at, RuleProblem::EmptyArgument { matcher: name }));
        }
        if name == self.vocabulary.host_matcher && !self.negated {
            self.note_hosts(&call);
        }
        (self.vocabulary.build)(&call)
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, RuleError> {
        let mut arguments = Vec::new();
        // Go allows a comma after the last argument.
        while self.token != Token::Close {
            let at = self.at;
            if !matches!(self.token, Token::Value(_)) {
                return Err(self.unexpected("a value in backticks or double quotes"));
            }
            if let Token::Value(text) = self.advance()? {
                arguments.push(Argument { at, text });
            }
            match self.token {
                Token::Close => {}
                Token::Comma => {
                    self.advance()?;
                }
                _ => return Err(self.unexpected("`,` or `)`")),
            }
        }
        self.advance()?;
        Ok(arguments)
    }

    fn note_hosts(&mut self, call: &Call) {
        for argument in &call.arguments {
            let host = argument.text.to_lowercase().into_boxed_str();
            if !self.hosts.contains(&host) {
                self.hosts.push(host);
            }
        }
    }
}
