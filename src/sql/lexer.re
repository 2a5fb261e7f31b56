/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexer: one token of Spark's SQL a call. It knows no keywords (tokens.c looks words up) and
 * never fails: what starts no token is a HR_TK_BAD of one character, refused by the grammar in its
 * place. The text ends with a NUL that is not part of it.
 */
#include "sql/sql_internal.h"
#include "sql/grammar.h"

/* Behind the end of a nested comment, or NULL when it does not end. */
static const char *skip_comment(const char *s, const char *end)
{
    int depth = 1;
    while (s + 1 < end) {
        if (s[0] == '*' && s[1] == '/') {
            s += 2;
            if (--depth == 0) return s;
        } else if (s[0] == '/' && s[1] == '*') {
            s += 2;
            depth++;
        } else {
            s++;
        }
    }
    return NULL;
}

bool hr_sql_lex(const char *text, const char **cursor, const char *end, struct hr_sql_token *ret)
{
    const char *s = *cursor, *m = s, *start = s;
    int kind;

    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = s;
    re2c:define:YYMARKER = m;
    re2c:define:YYLIMIT = end;
    re2c:yyfill:enable = 0;
    re2c:eof = 0;

    digit = [0-9];
    word = [A-Za-z0-9_\x80-\xff];
    exponent = [eE] [+-]? digit+;
    decimal = digit+ "." digit* | "." digit+;
    */

again:
    start = s;
    /*!re2c
    [ \t\r\n\f\v]+          { goto again; }
    "\xc2\xa0"              { goto again; }
    "--" [^\n]*             { goto again; }
    "/*" {
        s = skip_comment(s, end);
        if (!s) {
            *cursor = end;
            kind = HR_TK_OPEN_COMMENT;
            s = end;
            goto done;
        }
        goto again;
    }
    $                       { *cursor = end; return false; }

    digit+                  { kind = HR_TK_INTEGER; goto done; }
    digit+ [lLsSyY]         { kind = HR_TK_NUMBER; goto done; }
    decimal                 { kind = HR_TK_NUMBER; goto done; }
    digit+ exponent         { kind = HR_TK_NUMBER; goto done; }
    decimal exponent        { kind = HR_TK_NUMBER; goto done; }
    (digit+ | decimal) exponent? ([dDfF] | [bB][dD]) { kind = HR_TK_NUMBER; goto done; }
    word+                   { kind = HR_TK_ID; goto done; }
    "`" ([^`] | "``")* "`"  { kind = HR_TK_QUOTED; goto done; }
    "'" ([^'\\] | "\\" [^] | "''")* "'"         { kind = HR_TK_STRING; goto done; }
    "\"" ([^"\\] | "\\" [^] | "\"\"")* "\""     { kind = HR_TK_STRING; goto done; }
    [rR] "'" [^']* "'"      { kind = HR_TK_STRING; goto done; }
    [rR] "\"" [^"]* "\""    { kind = HR_TK_STRING; goto done; }
    [xX] "'" [^']* "'"      { kind = HR_TK_HEX; goto done; }
    [xX] "\"" [^"]* "\""    { kind = HR_TK_HEX; goto done; }

    "=" | "=="              { kind = HR_TK_EQ; goto done; }
    "<=>"                   { kind = HR_TK_NULL_SAFE_EQ; goto done; }
    "<>" | "!="             { kind = HR_TK_NE; goto done; }
    "<"                     { kind = HR_TK_LT; goto done; }
    "<=" | "!>"             { kind = HR_TK_LE; goto done; }
    ">"                     { kind = HR_TK_GT; goto done; }
    ">=" | "!<"             { kind = HR_TK_GE; goto done; }
    "<<"                    { kind = HR_TK_SHL; goto done; }
    ">>"                    { kind = HR_TK_SHR; goto done; }
    ">>>"                   { kind = HR_TK_USHR; goto done; }
    "+"                     { kind = HR_TK_PLUS; goto done; }
    "-"                     { kind = HR_TK_DASH; goto done; }
    "*"                     { kind = HR_TK_STAR; goto done; }
    "/"                     { kind = HR_TK_SLASH; goto done; }
    "%"                     { kind = HR_TK_PERCENT; goto done; }
    "~"                     { kind = HR_TK_TILDE; goto done; }
    "&"                     { kind = HR_TK_AMP; goto done; }
    "|>"                    { kind = HR_TK_PIPE_TO; goto done; }
    "|"                     { kind = HR_TK_PIPE; goto done; }
    "||"                    { kind = HR_TK_CONCAT; goto done; }
    "^"                     { kind = HR_TK_HAT; goto done; }
    "!"                     { kind = HR_TK_BANG; goto done; }
    "("                     { kind = HR_TK_LP; goto done; }
    ")"                     { kind = HR_TK_RP; goto done; }
    "["                     { kind = HR_TK_LB; goto done; }
    "]"                     { kind = HR_TK_RB; goto done; }
    ","                     { kind = HR_TK_COMMA; goto done; }
    "."                     { kind = HR_TK_DOT; goto done; }
    ";"                     { kind = HR_TK_SEMICOLON; goto done; }
    ":"                     { kind = HR_TK_COLON; goto done; }
    "::"                    { kind = HR_TK_DCOLON; goto done; }
    "?"                     { kind = HR_TK_QUESTION; goto done; }
    "->"                    { kind = HR_TK_ARROW; goto done; }
    "=>"                    { kind = HR_TK_FAT_ARROW; goto done; }
    *                       { kind = HR_TK_BAD; goto done; }
    */

done:
    *cursor = s;
    *ret = (struct hr_sql_token){.kind = (uint16_t)kind, .ptr = start, .len = (uint32_t)(s - start),
                                 .pos = (int32_t)(start - text), .end = (int32_t)(s - text)};
    return true;
}
