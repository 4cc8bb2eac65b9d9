#include "engine/http/statement.hpp"

#include <cstddef>
#include <optional>

#include "engine/http/exception.hpp"
#include "engine/http/http_request.hpp"

namespace boathouse::engine_http {
namespace {

bool is_word_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

struct Token {
  enum class Kind : unsigned char { word, quoted, mark } kind;
  std::size_t begin;
  std::size_t end;
  int depth;  // of brackets around it
};

base::Error syntax(std::string_view why) { return exception(kSyntaxError, why); }

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  // Nothing at the end of the text.
  base::Result<std::optional<Token>> next() {
    BOATHOUSE_TRY(skip_blanks());
    if (at_ == sql_.size()) {
      return std::optional<Token>();
    }
    const std::size_t begin = at_;
    const char c = sql_[at_];
    if (c == '\'' || c == '"' || c == '`') {
      BOATHOUSE_TRY(skip_quoted(c));
      return token(Token::Kind::quoted, begin);
    }
    if (c == '$' && skip_heredoc()) {
      return token(Token::Kind::quoted, begin);
    }
    if (is_word_character(c)) {
      while (at_ < sql_.size() && is_word_character(sql_[at_])) ++at_;
      return token(Token::Kind::word, begin);
    }
    ++at_;
    if (c == '(' || c == '[' || c == '{') {
      ++depth_;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth_;
    }
    return token(Token::Kind::mark, begin);
  }

 private:
  std::optional<Token> token(Token::Kind kind, std::size_t begin) const { return Token{kind, begin, at_, depth_}; }

  base::Status skip_blanks() {
    while (at_ < sql_.size()) {
      const std::string_view rest = sql_.substr(at_);
      if (is_blank(rest[0])) {
        ++at_;
      } else if (rest.starts_with("--") || rest.starts_with("# ") || rest.starts_with("#!")) {
        const std::size_t line = rest.find('\n');
        at_ = line == std::string_view::npos ? sql_.size() : at_ + line + 1;
      } else if (rest.starts_with("/*")) {
        BOATHOUSE_TRY(skip_block_comment());
      } else {
        break;
      }
    }
    return base::Done{};
  }

  // They nest.
  base::Status skip_block_comment() {
    int level = 0;
    while (at_ < sql_.size()) {
      const std::string_view rest = sql_.substr(at_);
      if (rest.starts_with("/*")) {
        ++level;
        at_ += 2;
      } else if (rest.starts_with("*/")) {
        at_ += 2;
        if (--level == 0) {
          return base::Done{};
        }
      } else {
        ++at_;
      }
    }
    return syntax("a comment has no end");
  }

  // A backslash or the quote itself, doubled, keeps a quote inside.
  base::Status skip_quoted(char quote) {
    const std::size_t begin = at_++;
    while (at_ < sql_.size()) {
      if (sql_[at_] == '\\') {
        at_ += 2;
      } else if (sql_[at_] != quote) {
        ++at_;
      } else if (sql_.substr(at_ + 1).starts_with(quote)) {
        at_ += 2;
      } else {
        ++at_;
        return base::Done{};
      }
    }
    at_ = sql_.size();
    return syntax("the quote at character " + std::to_string(begin + 1) + " has no end");
  }

  // $tag$ ... $tag$
  bool skip_heredoc() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_word_character(sql_[end]) && sql_[end] != '$') ++end;
    if (end == sql_.size() || sql_[end] != '$') {
      return false;
    }
    const std::string_view tag = sql_.substr(at_, end + 1 - at_);
    const std::size_t close = sql_.find(tag, end + 1);
    if (close == std::string_view::npos) {
      return false;
    }
    at_ = close + tag.size();
    return true;
  }

  std::string_view sql_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view sql) : sql_(sql), lexer_(sql) {}

  base::Result<Statement> read() {
    BOATHOUSE_TRY(advance());
    while (is_mark(';')) {
      BOATHOUSE_TRY(advance());
    }
    if (!now_) {
      return syntax("Empty query");
    }
    Statement statement;
    statement.sql = std::string(sql_);
    if (is_clause("INSERT")) {
      BOATHOUSE_TRY(read_insert(statement));
    } else {
      statement.is_select = is_clause("SELECT") || is_clause("WITH");
      BOATHOUSE_TRY(read_other(statement, is_clause("WITH") || is_clause("EXPLAIN")));
    }
    return statement;
  }

 private:
  base::Status advance() {
    auto next = lexer_.next();
    if (!next) return next.error();
    previous_ = now_;
    now_ = *next;
    return base::Done{};
  }

  [[nodiscard]] std::string_view text(const Token& token) const {
    return sql_.substr(token.begin, token.end - token.begin);
  }
  [[nodiscard]] bool is(const std::optional<Token>& token, std::string_view word) const {
    return token && token->kind == Token::Kind::word && same_word(text(*token), word);
  }
  // A word outside of all brackets.
  [[nodiscard]] bool is_clause(std::string_view word) const { return is(now_, word) && now_->depth == 0; }
  [[nodiscard]] bool is_mark(char mark) const {
    return now_ && now_->kind == Token::Kind::mark && sql_[now_->begin] == mark;
  }

  // Stands on the first ';' or at the end: only more of them may follow.
  base::Status expect_end() {
    while (now_) {
      if (!is_mark(';')) {
        return syntax("Multi-statements are not allowed: send one statement a request");
      }
      BOATHOUSE_TRY(advance());
    }
    return base::Done{};
  }

  static base::Error inline_data() {
    return syntax(
        "rows inside the SQL text are not accepted: send INSERT INTO ... FORMAT x as the parameter `query` "
        "and the rows as the body of the request");
  }

  // Stands on FORMAT or VALUES, the last clause before the rows.
  base::Status read_data_clause(Statement& statement) {
    statement.takes_data = true;
    statement.sql = std::string(sql_.substr(0, now_->begin));
    if (is_clause("VALUES")) {
      statement.format = "Values";
    } else {
      BOATHOUSE_TRY(advance());
      if (!now_ || now_->kind != Token::Kind::word) {
        return syntax("FORMAT has no name after it");
      }
      statement.format = std::string(text(*now_));
    }
    // What comes now may be rows of any bytes: it is refused, not read as SQL.
    if (!advance() || (now_ && !is_mark(';'))) {
      return inline_data();
    }
    return expect_end();
  }

  // Stands on the last word before [INTO] [TABLE] [FUNCTION] name ...
  base::Status read_insert(Statement& statement) {
    BOATHOUSE_TRY(advance());
    for (const std::string_view word : {"INTO", "TABLE", "FUNCTION"}) {
      if (is_clause(word)) {
        BOATHOUSE_TRY(advance());
      }
    }
    // The table's name may be a word like `format`: a clause begins behind it at the earliest.
    if (now_ && !is_mark(';')) {
      BOATHOUSE_TRY(advance());
    }
    bool selects = false;
    while (now_ && !is_mark(';')) {
      if (is_clause("INFILE") && is(previous_, "FROM")) {
        return exception(kNotImplemented, "FROM INFILE is for a client with files: send the rows as the body");
      }
      if (is_mark('(') && is(previous_, "input")) {
        return exception(kNotImplemented, "input() is not here: name the columns, INSERT INTO t (a, b) FORMAT x");
      }
      selects = selects || is_clause("SELECT");
      const bool in_name = previous_ && text(*previous_) == ".";
      if (!selects && !in_name && (is_clause("FORMAT") || is_clause("VALUES"))) {
        return read_data_clause(statement);
      }
      BOATHOUSE_TRY(advance());
    }
    if (!selects) {
      statement.takes_data = true;
      // With a line end, so that a comment in the last line does not swallow what the engine puts behind it.
      statement.sql = std::string(sql_.substr(0, now_ ? now_->begin : sql_.size())) + "\n";
    }
    return expect_end();
  }

  base::Status read_other(Statement& statement, bool may_hold_insert) {
    while (now_ && !is_mark(';')) {
      const bool clause = now_->kind == Token::Kind::word && now_->depth == 0;
      if (clause && is(previous_, "FORMAT")) {
        statement.format = std::string(text(*now_));
      }
      if (clause && is(now_, "OUTFILE") && is(previous_, "INTO")) {
        return exception(kNotImplemented, "INTO OUTFILE is for a client with files: the result is the reply's body");
      }
      if (may_hold_insert && clause && is(now_, "INTO") && is(previous_, "INSERT")) {
        Statement insert;
        BOATHOUSE_TRY(read_insert(insert));
        return insert.takes_data ? base::Status(inline_data()) : base::Status(base::Done{});
      }
      BOATHOUSE_TRY(advance());
    }
    return expect_end();
  }

  std::string_view sql_;
  Lexer lexer_;
  std::optional<Token> now_;
  std::optional<Token> previous_;
};

}  // namespace

base::Result<Statement> read_statement(std::string_view sql) { return Reader(sql).read(); }

}  // namespace boathouse::engine_http
