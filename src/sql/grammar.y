/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of Spark's SQL as Lemon reads it. Actions build plans, expressions and statements
 * directly (sql_internal.h); there is no tree in between.
 *
 * Nearly every keyword may be an identifier, as in Spark: where a keyword does not fit, it is an
 * ID (%fallback). That needs `lemon -c`: with compressed tables a default reduction would hide
 * that the keyword fits. What needs more than one token of look-ahead is decided before the
 * grammar sees it (tokens.c): typed literals, intervals, nested types, lambdas, `STREAM`, `VALUES`,
 * `EXISTS`, special call syntax. Two rules for one text are told apart by PREC_LOW / PREC_HIGH.
 */
%name hr_sql_lemon
%token_prefix HR_TK_
%token_type {const struct hr_sql_token *}
%extra_context {struct hr_sql_parser *p}
%stack_size 8000
%start_symbol input

%include {
#include "sql/sql_internal.h"

#include "base/options.h"

/* Tables only, no recovery: the driver stops at the first error. */
#define YYNOERRORRECOVERY 1
#define YYMALLOCARGTYPE size_t
#ifndef NDEBUG
#define NDEBUG 1 /* no traces in the generated code */
#endif

typedef struct yyParser yyParser;
static void hr_sql_syntax_hints(yyParser *parser, struct hr_sql_parser *p);

#define NO_X ((struct hr_sql_x){0})
#define NO_TYPE ((struct hr_sql_type){0})
#define OPT_NAMES(names) ((names) ? (names)->end : 0)
}

%syntax_error {
    (void)yymajor;
    p->failed_at_token = true;
    hr_sql_syntax_hints(yypParser, p);
    p->status = HR_E_PARSE_SYNTAX_ERROR;
}
%stack_overflow {
    HR_SQL_RAISE(p, 0, (int32_t)p->len, HR_E_LIMIT, "what", "the nesting of the statement", "limit",
                 "8000 open parts");
}

%fallback ID
  ALERT ALERTS ALL AND ANTI ANY AS ASC BETWEEN BOTH BY CACHE CASE CAST CLEAR CLUSTER COLUMNS
  COMMENT COOLDOWN CREATE CROSS CUBE CURRENT DASHBOARD DASHBOARDS DEDUPLICATE DELAY DESC DESCRIBE
  DISTINCT DISTRIBUTE DIV DO DROP ELSE ENCODE END ESCAPE EXCEPT EXISTS EXPLAIN EXPORT EXTENDED
  EXTERNAL EXTRACT FALSE FILTER FIRING FIRST FLOW FOLLOWING FOR FORMATTED FROM FULL FUNCTIONS
  GLOBAL GROUP GROUPING HAVING IF IGNORE ILIKE IN INNER INSERT INTERSECT INTO IS JOIN KEEP KEY LAST
  LATE LATERAL LAZY LEADING LEFT LIKE LIMIT LOCATION MATERIALIZED MODEL MODELS NAME NATURAL NOT NULL
  NULLS OF OFFSET ON OPTIONS OR ORDER OUTER OVER OVERLAY OVERWRITE PARTITION PARTITIONED PLACING
  POSITION PRECEDING PURGE QUALIFY QUERY RANGE RECURSIVE REFRESH REPLACE RESOLVED RESPECT RIGHT
  RLIKE ROLLUP ROW ROWS SELECT SEMI SETMINUS SETS SEVERITY SHOW SILENT SOME SORT STREAM STREAMING
  SUBSTRING SYSTEM TABLE TABLES TABLESAMPLE TBLPROPERTIES TEMPORARY THEN THRESHOLD TILES TO
  TRAILING TRAIN TRIM TRUE TRY_CAST UNBOUNDED UNCACHE UNION UNKNOWN USE USER USING VALUES VIEW
  VIEWS WATERMARK WHEN WHERE WINDOW WITH WITHIN.
%fallback ID
  ADD AFTER ALTER ANALYZE CASCADE CATALOGS CHANGE COLUMN COMPUTE DATABASE DATABASES DBPROPERTIES
  MSCK NAMESPACE NAMESPACES NOSCAN PARTITIONS PROPERTIES RECOVER RENAME REPAIR RESTRICT SCHEMA
  SCHEMAS STATISTICS TRUNCATE TYPE UNSET.
%fallback ID
  DECLARE AGGREGATE CONTAINS DEFAULT DETERMINISTIC EXCLUDE EXECUTE EXTEND FUNCTION IMMEDIATE
  INCLUDE LANGUAGE PIVOT READS REPEATABLE RETURN RETURNS SET UNPIVOT VARIABLE.

/* From loose to tight. */
%nonassoc PREC_LOWEST.
%nonassoc PREC_LOW.
%nonassoc COMMA.
%nonassoc PREC_HIGH LIMIT OFFSET.
%left PIPE_TO.
%left UNION EXCEPT SETMINUS.
%left INTERSECT.
%left OR.
%left AND.
%right NOT BANG.
%left EQ NULL_SAFE_EQ NE LT LE GT GE.
%left PIPE.
%left HAT.
%left AMP.
%left SHL SHR USHR.
%left PLUS DASH CONCAT.
%left STAR SLASH PERCENT DIV.
%right UNARY.
%nonassoc NUMBER INTEGER.

/* Tokens that only the lexer and tokens.c make. */
%token BAD QUESTION OPEN_COMMENT SEMICOLON FAT_ARROW COLON INTERVAL TYPED NESTED_TYPE LAMBDA_WORD
  LAMBDA_LP TABLE_QUERY STAR_EXCEPT LATERAL_QUERY.

/* Statements ----------------------------------------------------------------------------------- */

input ::= stmt(S). { p->stmt = S; }

%type stmt {struct hr_stmt *}
stmt(A) ::= query(Q). {
    A = hr_sql_stmt(p, HR_STMT_QUERY);
    if (A) hr_sql_stmt_query(A, Q);
}
stmt(A) ::= EXPLAIN explain_how(E) stmt(S). {
    A = hr_sql_stmt(p, HR_STMT_EXPLAIN);
    if (A) { A->inner = S; A->extended = E; }
}
%type explain_how {int}
explain_how(A) ::= . { A = 0; }
explain_how(A) ::= EXTENDED. { A = 1; }
explain_how(A) ::= FORMATTED. { A = 1; }

stmt(A) ::= CREATE or_replace(R) temporary(T) VIEW if_not_exists(N) names(V) view_columns(L)
            clauses(C) AS query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_VIEW);
    if (A) {
        A->or_replace = R; A->is_temporary = T != 0; A->is_global = T == 2; A->if_not_exists = N;
        A->is_view = true;
        hr_sql_stmt_name(A, V);
        hr_sql_view_clauses(p, A, L, C);
        hr_sql_stmt_query(A, Q);
    }
}
stmt(A) ::= CREATE or_replace(R) temporary(T) VIEW if_not_exists(N) names(V) view_columns(L)
            clauses(C). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_TABLE);
    if (A) {
        A->or_replace = R; A->is_temporary = T != 0; A->is_global = T == 2; A->if_not_exists = N;
        A->is_view = true;
        hr_sql_stmt_name(A, V);
        hr_sql_view_over_source(p, A, L, C);
    }
}
stmt(A) ::= CREATE or_replace(R) external(E) TABLE if_not_exists(N) names(T) table_columns(L)
            clauses(C) as_query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_TABLE);
    if (A) {
        A->or_replace = R; A->if_not_exists = N; A->is_external = E;
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_clauses(p, A, L, C);
        hr_sql_stmt_query(A, Q);
    }
}
stmt(A) ::= CREATE or_replace(R) STREAMING TABLE if_not_exists(N) names(T) table_columns(L)
            clauses(C) as_query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_STREAMING_TABLE);
    if (A) {
        A->or_replace = R; A->if_not_exists = N;
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_clauses(p, A, L, C);
        hr_sql_stmt_query(A, Q);
    }
}
stmt(A) ::= CREATE or_replace(R) MATERIALIZED VIEW if_not_exists(N) names(T) table_columns(L)
            clauses(C) AS query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_MATERIALIZED_VIEW);
    if (A) {
        A->or_replace = R; A->if_not_exists = N; A->is_view = true;
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_clauses(p, A, L, C);
        hr_sql_stmt_query(A, Q);
    }
}
stmt(A) ::= CREATE FLOW names(F) clauses(C) AS INSERT INTO table_opt names(T) by_name(B)
            query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_FLOW);
    if (A) {
        A->flow_name = hr_sql_dotted(p, F); A->by_name = B;
        hr_sql_flow_clauses(p, A, C);
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_query(A, Q);
    }
}
stmt(A) ::= CREATE FLOW names(F) clauses(C) AS TRAIN MODEL names(M) ON query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_FLOW);
    if (A) {
        A->flow_name = hr_sql_dotted(p, F);
        hr_sql_stmt_clauses(p, A, NULL, C);
        hr_sql_train(p, A, M, Q);
    }
}
stmt(A) ::= TRAIN MODEL names(M) ON query(Q). {
    A = hr_sql_stmt(p, HR_STMT_TRAIN_MODEL);
    if (A) hr_sql_train(p, A, M, Q);
}
stmt(A) ::= CREATE or_replace(R) MODEL if_not_exists(N) names(M) table_columns(L) clauses(C)
            as_query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_MODEL);
    if (A) {
        A->or_replace = R; A->if_not_exists = N;
        hr_sql_stmt_clauses(p, A, L, C);
        if (Q.plan) hr_sql_train(p, A, M, Q);
        hr_sql_stmt_name(A, M);
    }
}
stmt(A) ::= CREATE or_replace(R) MODEL if_not_exists(N) names(M) FROM STRING(S). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_MODEL);
    if (A) {
        A->or_replace = R; A->if_not_exists = N; A->value = hr_sql_cstring(p, S);
        hr_sql_stmt_name(A, M);
    }
}
stmt(A) ::= EXPORT MODEL names(M) TO STRING(S). {
    A = hr_sql_stmt(p, HR_STMT_EXPORT_MODEL);
    if (A) { A->value = hr_sql_cstring(p, S); hr_sql_stmt_name(A, M); }
}
stmt(A) ::= DROP MODEL if_exists(I) names(M). {
    A = hr_sql_stmt(p, HR_STMT_DROP_MODEL);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, M); }
}
stmt(A) ::= SHOW MODELS like_opt(L). { A = hr_sql_show(p, HR_SHOW_MODELS, NULL, L); }
stmt(A) ::= describe MODEL extended(E) names(M). {
    A = hr_sql_stmt(p, HR_STMT_DESCRIBE_MODEL);
    if (A) { A->extended = E; hr_sql_stmt_name(A, M); }
}

/* Alerts and dashboards: build_watch.c. */
stmt(A) ::= CREATE or_replace(R) ALERT if_not_exists(N) names(T) alert_clauses(C) do AS
            query(Q). {
    A = hr_sql_alert(p, T, C, Q);
    if (A) { A->or_replace = R; A->if_not_exists = N; }
}
stmt(A) ::= DROP ALERT if_exists(I) names(T). {
    A = hr_sql_stmt(p, HR_STMT_DROP_ALERT);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, T); }
}
stmt(A) ::= SHOW ALERTS like_opt(L). { A = hr_sql_show(p, HR_SHOW_ALERTS, NULL, L); }
%type alert_clauses {struct hr_sql_alert_clauses *}
alert_clauses(A) ::= . { A = hr_sql_alert_clauses(p); }
alert_clauses(A) ::= alert_clauses(C) COMMENT STRING(S). {
    A = C;
    if (A) A->def.comment = hr_sql_cstring(p, S);
}
alert_clauses(A) ::= alert_clauses(C) SEVERITY ident(S). {
    A = C;
    if (A) A->def.severity = hr_sql_ident(p, S);
}
alert_clauses(A) ::= alert_clauses(C) SEVERITY STRING(S). {
    A = C;
    if (A) A->def.severity = hr_sql_cstring(p, S);
}
alert_clauses(A) ::= alert_clauses(C) KEY LP idents(L) RP. { A = C; hr_sql_alert_key(A, L); }
alert_clauses(A) ::= alert_clauses(C) WHEN bexpr(X). { A = C; if (A) A->when = X; }
alert_clauses(A) ::= alert_clauses(C) FOR INTERVAL(I). {
    A = C;
    if (A) A->def.for_us = hr_sql_span(p, I);
}
alert_clauses(A) ::= alert_clauses(C) KEEP FIRING FOR INTERVAL(I). {
    A = C;
    if (A) { A->def.has_keep = true; A->def.keep_us = hr_sql_span(p, I); }
}
alert_clauses(A) ::= alert_clauses(C) COOLDOWN INTERVAL(I). {
    A = C;
    if (A) A->def.cooldown_us = hr_sql_span(p, I);
}
alert_clauses(A) ::= alert_clauses(C) OPTIONS LP properties(O) RP. {
    A = C;
    if (A) A->options = O;
}
do ::= .
do ::= DO actions.
actions ::= action.
actions ::= actions COMMA action.
action ::= ident(K) action_name(N) action_options(O) action_when(W). {
    hr_sql_alert_action(p, K, N, O, W);
}
%type action_name {const char *}
action_name(A) ::= . { A = NULL; }
action_name(A) ::= ident(T). { A = hr_sql_ident(p, T); }
%type action_options {struct hr_options *}
action_options(A) ::= . { A = NULL; }
action_options(A) ::= OPTIONS LP properties(O) RP. { A = O; }
%type action_when {int}
action_when(A) ::= . { A = 0; }
action_when(A) ::= ON FIRING. { A = 1; }
action_when(A) ::= ON RESOLVED. { A = 2; }

stmt(A) ::= CREATE or_replace(R) DASHBOARD if_not_exists(N) names(T) title_opt(C)
            action_options(O) AS TILES LP tiles RP. {
    A = hr_sql_dashboard(p, T, C, O);
    if (A) { A->or_replace = R; A->if_not_exists = N; }
}
stmt(A) ::= DROP DASHBOARD if_exists(I) names(T). {
    A = hr_sql_stmt(p, HR_STMT_DROP_DASHBOARD);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, T); }
}
stmt(A) ::= SHOW DASHBOARDS like_opt(L). { A = hr_sql_show(p, HR_SHOW_DASHBOARDS, NULL, L); }
%type title_opt {const char *}
title_opt(A) ::= . { A = NULL; }
title_opt(A) ::= COMMENT STRING(S). { A = hr_sql_cstring(p, S); }
tiles ::= tile.
tiles ::= tiles COMMA tile.
tile ::= ident(N) USING ident(K) title_opt(C) tile_encode(E) tile_threshold(H) action_options(O)
         AS LP query(Q) RP. {
    hr_sql_tile(p, N, K, C, (struct hr_sql_tile_parts){E, H, O}, Q);
}
tile ::= ident(N) USING ident(K) title_opt(C) tile_encode(E) tile_threshold(H) action_options(O)
         ON names(V). {
    hr_sql_tile(p, N, K, C, (struct hr_sql_tile_parts){E, H, O}, hr_sql_tile_view(p, V));
}
%type tile_encode {struct hr_options *}
tile_encode(A) ::= . { A = NULL; }
tile_encode(A) ::= ENCODE LP channels(C) RP. { A = C; }
%type channels {struct hr_options *}
channels(A) ::= ident(N) FAT_ARROW channel(C). {
    A = hr_sql_put_option(p, NULL, hr_sql_ident(p, N), C);
}
channels(A) ::= channels(L) COMMA ident(N) FAT_ARROW channel(C). {
    A = hr_sql_put_option(p, L, hr_sql_ident(p, N), C);
}
%type channel {const char *}
channel(A) ::= ident(C). { A = hr_sql_ident(p, C); }
channel(A) ::= plain_value(V). { A = V; }
channel(A) ::= LP idents(L) RP. { A = hr_sql_joined(p, L); }
%type tile_threshold {struct hr_options *}
tile_threshold(A) ::= . { A = NULL; }
tile_threshold(A) ::= THRESHOLD LP channels(C) RP. { A = C; }

stmt(A) ::= INSERT into(O) table_opt names(T) query(Q). {
    A = hr_sql_insert(p, O, T, NULL, false, Q);
}
stmt(A) ::= INSERT into(O) table_opt names(T) BY NAME query(Q). {
    A = hr_sql_insert(p, O, T, NULL, true, Q);
}
stmt(A) ::= INSERT into(O) table_opt names(T) LP idents(L) RP query(Q). {
    A = hr_sql_insert(p, O, T, L, false, Q);
}
stmt(A) ::= INSERT into(O) table_opt names(T) keys(K) query(Q). {
    A = hr_sql_insert(p, O, T, NULL, false, Q);
    hr_sql_stmt_keys(A, K);
}
stmt(A) ::= INSERT into(O) table_opt names(T) keys(K) BY NAME query(Q). {
    A = hr_sql_insert(p, O, T, NULL, true, Q);
    hr_sql_stmt_keys(A, K);
}
stmt(A) ::= INSERT into(O) table_opt names(T) keys(K) LP idents(L) RP query(Q). {
    A = hr_sql_insert(p, O, T, L, false, Q);
    hr_sql_stmt_keys(A, K);
}
%type keys {struct hr_sql_keys *}
keys(A) ::= PARTITION LP key_list(L) RP if_not_exists(N). { A = L; if (A) A->if_not_exists = N; }
%type key_list {struct hr_sql_keys *}
key_list(A) ::= ident(N). { A = hr_sql_push_key(p, NULL, N, NULL); }
key_list(A) ::= ident(N) EQ vexpr(X). { A = hr_sql_push_key(p, NULL, N, X.x); }
key_list(A) ::= key_list(L) COMMA ident(N). { A = hr_sql_push_key(p, L, N, NULL); }
key_list(A) ::= key_list(L) COMMA ident(N) EQ vexpr(X). { A = hr_sql_push_key(p, L, N, X.x); }
%type into {int}
into(A) ::= INTO. { A = 0; }
into(A) ::= OVERWRITE. { A = 1; }
table_opt ::= .
table_opt ::= TABLE.
%type by_name {int}
by_name(A) ::= . { A = 0; }
by_name(A) ::= BY NAME. { A = 1; }

stmt(A) ::= DROP TABLE if_exists(I) names(T) purge. {
    A = hr_sql_stmt(p, HR_STMT_DROP);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, T); }
}
stmt(A) ::= DROP VIEW if_exists(I) names(T). {
    A = hr_sql_stmt(p, HR_STMT_DROP);
    if (A) { A->if_exists = I; A->is_view = true; hr_sql_stmt_name(A, T); }
}
purge ::= .
purge ::= PURGE.
stmt(A) ::= SHOW TABLES in_schema(S) like_opt(L). {
    A = hr_sql_show(p, HR_SHOW_TABLES, S, L);
}
stmt(A) ::= SHOW VIEWS in_schema(S) like_opt(L). { A = hr_sql_show(p, HR_SHOW_VIEWS, S, L); }
stmt(A) ::= SHOW function_scope(U) FUNCTIONS in_schema(S) like_opt(L). {
    A = hr_sql_show(p, HR_SHOW_FUNCTIONS, S, L);
    if (A) A->user_functions = U;
}
stmt(A) ::= SHOW function_scope(U) FUNCTIONS names(N). {
    A = hr_sql_show(p, HR_SHOW_FUNCTIONS, NULL, hr_sql_dotted(p, N));
    if (A) A->user_functions = U;
}
stmt(A) ::= SHOW COLUMNS in names(T). { A = hr_sql_show(p, HR_SHOW_COLUMNS, T, NULL); }
stmt(A) ::= SHOW CREATE TABLE names(T). { A = hr_sql_show(p, HR_SHOW_CREATE_TABLE, T, NULL); }
%type function_scope {int}
function_scope(A) ::= . { A = 0; }
function_scope(A) ::= USER. { A = 1; }
function_scope(A) ::= SYSTEM. { A = 0; }
function_scope(A) ::= ALL. { A = 0; }
in ::= IN.
in ::= FROM.
%type in_schema {struct hr_sql_names *}
in_schema(A) ::= . { A = NULL; }
in_schema(A) ::= in names(N). { A = N; }
%type like_opt {const char *}
like_opt(A) ::= . { A = NULL; }
like_opt(A) ::= STRING(S). { A = hr_sql_cstring(p, S); }
like_opt(A) ::= LIKE STRING(S). { A = hr_sql_cstring(p, S); }

stmt(A) ::= describe table_opt extended(E) names(T). {
    A = hr_sql_stmt(p, HR_STMT_DESCRIBE);
    if (A) { A->extended = E; hr_sql_stmt_name(A, T); }
}
stmt(A) ::= describe QUERY query(Q). {
    A = hr_sql_stmt(p, HR_STMT_DESCRIBE);
    if (A) hr_sql_stmt_query(A, Q);
}
stmt(A) ::= describe query(Q). {
    A = hr_sql_stmt(p, HR_STMT_DESCRIBE);
    if (A) hr_sql_stmt_query(A, Q);
}
describe ::= DESCRIBE.
describe ::= DESC.
%type extended {int}
extended(A) ::= . { A = 0; }
extended(A) ::= EXTENDED. { A = 1; }
extended(A) ::= FORMATTED. { A = 1; }

stmt(A) ::= USE names(N). {
    A = hr_sql_stmt(p, HR_STMT_USE);
    if (A) hr_sql_stmt_name(A, N);
}
stmt(A) ::= USE schema names(N). {
    A = hr_sql_stmt(p, HR_STMT_USE);
    if (A) hr_sql_stmt_name(A, N);
}
stmt(A) ::= CACHE lazy TABLE names(T) cache_options(O) cache_query(Q). {
    A = hr_sql_stmt(p, HR_STMT_CACHE);
    if (A) {
        A->options = O; A->is_temporary = true;
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_query(A, Q);
    }
}
lazy ::= .
lazy ::= LAZY.
%type cache_options {struct hr_options *}
cache_options(A) ::= . { A = NULL; }
cache_options(A) ::= OPTIONS LP properties(O) RP. { A = O; }
%type cache_query {struct hr_sql_q}
cache_query(A) ::= . { A = (struct hr_sql_q){0}; }
cache_query(A) ::= AS query(Q). { A = Q; }
cache_query(A) ::= query(Q). { A = Q; }
stmt(A) ::= UNCACHE TABLE if_exists(I) names(T). {
    A = hr_sql_stmt(p, HR_STMT_UNCACHE);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, T); }
}
stmt(A) ::= CLEAR CACHE. { A = hr_sql_stmt(p, HR_STMT_UNCACHE); }

/* Session variables: build_routine.c. */
stmt(A) ::= DECLARE or_replace(R) variable_opt name_list(L) declared_type(T) default_opt(D). {
    A = hr_sql_declare(p, L, T, D);
    if (A) A->or_replace = R;
}
variable_opt ::= .
variable_opt ::= VARIABLE.
%type name_list {struct hr_sql_name_list *}
name_list(A) ::= names(N). { A = hr_sql_push_names(p, NULL, N); }
name_list(A) ::= name_list(L) COMMA names(N). { A = hr_sql_push_names(p, L, N); }
%type declared_type {struct hr_sql_type}
declared_type(A) ::= . { A = (struct hr_sql_type){0}; }
declared_type(A) ::= type(T). { A = T; }
%type default_opt {struct hr_sql_x}
default_opt(A) ::= . { A = NO_X; }
default_opt(A) ::= DEFAULT bexpr(X). { A = X; }
default_opt(A) ::= EQ bexpr(X). { A = X; }
stmt(A) ::= SET VARIABLE assignments(L). { A = hr_sql_set_variables(p, L); }
stmt(A) ::= SET VARIABLE LP name_list(L) RP EQ LP query(Q) RP. {
    A = hr_sql_set_variables(p, L);
    if (A) hr_sql_stmt_query(A, Q);
}
%type assignments {struct hr_sql_name_list *}
assignments(A) ::= names(N) EQ set_value(X). { A = hr_sql_assign(p, NULL, N, X); }
assignments(A) ::= assignments(L) COMMA names(N) EQ set_value(X). {
    A = hr_sql_assign(p, L, N, X);
}
%type set_value {struct hr_sql_x}
set_value(A) ::= bexpr(X). { A = X; }
set_value(A) ::= DEFAULT. { A = NO_X; }
stmt(A) ::= DROP TEMPORARY VARIABLE if_exists(I) names(N). {
    A = hr_sql_stmt(p, HR_STMT_DROP_VARIABLE);
    if (A) { A->if_exists = I; hr_sql_stmt_name(A, N); }
}
stmt(A) ::= EXECUTE IMMEDIATE bexpr(X) into_variables(L) using_values(U). {
    A = hr_sql_execute(p, X, L, U);
}
%type into_variables {struct hr_sql_name_list *}
into_variables(A) ::= . { A = NULL; }
into_variables(A) ::= INTO name_list(L). { A = L; }
%type using_values {struct hr_sql_list *}
using_values(A) ::= . { A = NULL; }
using_values(A) ::= USING items(L). { A = L; }
using_values(A) ::= USING LP bexpr(X) AS ident(N) RP. {
    A = hr_sql_push(p, NULL, hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N)));
}
using_values(A) ::= USING LP bexpr(X) AS ident(N) COMMA items(L) RP. {
    A = hr_sql_push_first(p, hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N)), L);
}

/* The warehouse: schemas, ALTER, and what else changes or tells definitions -------------------- */

schema ::= SCHEMA.
schema ::= DATABASE.
schema ::= NAMESPACE.
dbproperties ::= DBPROPERTIES.
dbproperties ::= PROPERTIES.
stmt(A) ::= CREATE schema if_not_exists(I) names(N) schema_clauses(C). {
    A = hr_sql_schema(p, HR_SCHEMA_CREATE, N, C);
    if (A) A->if_not_exists = I;
}
stmt(A) ::= DROP schema if_exists(I) names(N) cascade(C). {
    A = hr_sql_schema(p, HR_SCHEMA_DROP, N, NULL);
    if (A) { A->if_exists = I; A->cascade = C; }
}
stmt(A) ::= ALTER schema names(N) SET dbproperties LP properties(O) RP. {
    A = hr_sql_schema(p, HR_SCHEMA_ALTER, N, NULL);
    if (A) { A->properties = O; A->alter = HR_ALTER_PROPERTIES; }
}
stmt(A) ::= ALTER schema names(N) UNSET dbproperties LP property_keys(O) RP. {
    A = hr_sql_schema(p, HR_SCHEMA_ALTER, N, NULL);
    if (A) { A->properties = O; A->unset = true; A->alter = HR_ALTER_PROPERTIES; }
}
stmt(A) ::= ALTER schema names(N) SET LOCATION STRING(S). {
    A = hr_sql_schema(p, HR_SCHEMA_ALTER, N, NULL);
    if (A) { A->location = hr_sql_cstring(p, S); A->alter = HR_ALTER_LOCATION; }
}
stmt(A) ::= COMMENT ON schema names(N) IS comment_text(S). {
    A = hr_sql_schema(p, HR_SCHEMA_ALTER, N, NULL);
    if (A) { A->comment = S; A->alter = HR_ALTER_COMMENT; }
}
stmt(A) ::= describe schema extended(E) names(N). {
    A = hr_sql_schema(p, HR_SCHEMA_DESCRIBE, N, NULL);
    if (A) A->extended = E;
}
%type schema_clauses {struct hr_sql_clauses *}
schema_clauses(A) ::= . { A = hr_sql_clauses(p); }
schema_clauses(A) ::= schema_clauses(C) COMMENT STRING(S). {
    A = C;
    if (A) A->comment = hr_sql_cstring(p, S);
}
schema_clauses(A) ::= schema_clauses(C) LOCATION STRING(S). {
    A = C;
    if (A) A->location = hr_sql_cstring(p, S);
}
schema_clauses(A) ::= schema_clauses(C) WITH dbproperties LP properties(O) RP. {
    A = C;
    if (A) A->properties = O;
}
%type cascade {int}
cascade(A) ::= . { A = 0; }
cascade(A) ::= RESTRICT. { A = 0; }
cascade(A) ::= CASCADE. { A = 1; }
%type comment_text {const char *}
comment_text(A) ::= STRING(S). { A = hr_sql_cstring(p, S); }
comment_text(A) ::= NULL. { A = NULL; }
%type property_keys {struct hr_options *}
property_keys(A) ::= property_key(K). { A = hr_sql_put_option(p, NULL, K, ""); }
property_keys(A) ::= property_keys(L) COMMA property_key(K). { A = hr_sql_put_option(p, L, K, ""); }

stmt(A) ::= ALTER TABLE names(T) RENAME TO names(N). {
    A = hr_sql_alter(p, HR_ALTER_RENAME, T);
    hr_sql_stmt_other(A, N);
}
stmt(A) ::= ALTER VIEW names(T) RENAME TO names(N). {
    A = hr_sql_alter(p, HR_ALTER_RENAME, T);
    if (A) A->is_view = true;
    hr_sql_stmt_other(A, N);
}
stmt(A) ::= ALTER VIEW names(T) as_opt query(Q). {
    A = hr_sql_alter(p, HR_ALTER_VIEW_AS, T);
    if (A) { A->is_view = true; hr_sql_stmt_query(A, Q); }
}
column_word ::= COLUMN.
column_word ::= COLUMNS.
stmt(A) ::= ALTER TABLE names(T) ADD column_word LP columns(L) RP. {
    A = hr_sql_alter(p, HR_ALTER_ADD_COLUMNS, T);
    if (A) hr_sql_stmt_clauses(p, A, L, NULL);
}
stmt(A) ::= ALTER TABLE names(T) ADD column_word columns(L). {
    A = hr_sql_alter(p, HR_ALTER_ADD_COLUMNS, T);
    if (A) hr_sql_stmt_clauses(p, A, L, NULL);
}
stmt(A) ::= ALTER TABLE names(T) REPLACE COLUMNS LP columns RP. {
    A = hr_sql_alter(p, HR_ALTER_REPLACE_COLUMNS, T);
}
stmt(A) ::= ALTER TABLE names(T) DROP column_word if_exists idents. {
    A = hr_sql_alter(p, HR_ALTER_DROP_COLUMNS, T);
}
stmt(A) ::= ALTER TABLE names(T) DROP column_word if_exists LP idents RP. {
    A = hr_sql_alter(p, HR_ALTER_DROP_COLUMNS, T);
}
stmt(A) ::= ALTER TABLE names(T) RENAME COLUMN names TO ident. {
    A = hr_sql_alter(p, HR_ALTER_RENAME_COLUMN, T);
}
change ::= ALTER COLUMN.
change ::= CHANGE COLUMN.
stmt(A) ::= ALTER TABLE names(T) change ident(C) TYPE type(Y). {
    A = hr_sql_alter_column(p, HR_ALTER_TYPE, T, C);
    if (A)
        hr_sql_stmt_clauses(
            p, A, hr_sql_push_column(p, NULL, C, Y, (struct hr_sql_column_options){0}), NULL);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) COMMENT STRING(S). {
    A = hr_sql_alter_column(p, HR_ALTER_COLUMN_COMMENT, T, C);
    if (A) A->comment = hr_sql_cstring(p, S);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) SET DEFAULT vexpr(X). {
    A = hr_sql_alter_column(p, HR_ALTER_DEFAULT, T, C);
    if (A) A->value = hr_sql_slice(p, X.pos, X.end);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) DROP DEFAULT. {
    A = hr_sql_alter_column(p, HR_ALTER_DEFAULT, T, C);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) SET NOT NULL. {
    A = hr_sql_alter_column(p, HR_ALTER_NOT_NULL, T, C);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) DROP NOT NULL. {
    A = hr_sql_alter_column(p, HR_ALTER_NOT_NULL, T, C);
    if (A) A->unset = true;
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) FIRST. {
    A = hr_sql_alter_column(p, HR_ALTER_POSITION, T, C);
}
stmt(A) ::= ALTER TABLE names(T) change ident(C) AFTER ident. {
    A = hr_sql_alter_column(p, HR_ALTER_POSITION, T, C);
}
stmt(A) ::= ALTER TABLE names(T) ADD if_not_exists(I) part_specs(S). {
    A = hr_sql_alter_parts(p, HR_ALTER_ADD_PARTITION, T, S);
    if (A) A->if_not_exists = I;
}
stmt(A) ::= ALTER TABLE names(T) DROP if_exists(I) part_specs(S) purge. {
    A = hr_sql_alter_parts(p, HR_ALTER_DROP_PARTITION, T, S);
    if (A) A->if_exists = I;
}
stmt(A) ::= ALTER TABLE names(T) RECOVER PARTITIONS. { A = hr_sql_alter(p, HR_ALTER_RECOVER, T); }
stmt(A) ::= MSCK REPAIR TABLE names(T). { A = hr_sql_alter(p, HR_ALTER_RECOVER, T); }
stmt(A) ::= REPAIR TABLE names(T). { A = hr_sql_alter(p, HR_ALTER_RECOVER, T); }
%type part_specs {struct hr_sql_specs *}
part_specs(A) ::= PARTITION LP key_list(L) RP. { A = hr_sql_push_spec(p, NULL, L); }
part_specs(A) ::= part_specs(S) PARTITION LP key_list(L) RP. { A = hr_sql_push_spec(p, S, L); }
part_specs(A) ::= part_specs(S) COMMA PARTITION LP key_list(L) RP. {
    A = hr_sql_push_spec(p, S, L);
}
stmt(A) ::= ALTER TABLE names(T) SET TBLPROPERTIES LP properties(O) RP. {
    A = hr_sql_alter(p, HR_ALTER_PROPERTIES, T);
    if (A) { A->properties = O; }
}
stmt(A) ::= ALTER TABLE names(T) UNSET TBLPROPERTIES if_exists LP property_keys(O) RP. {
    A = hr_sql_alter(p, HR_ALTER_PROPERTIES, T);
    if (A) { A->properties = O; A->unset = true; }
}
stmt(A) ::= ALTER VIEW names(T) SET TBLPROPERTIES LP properties(O) RP. {
    A = hr_sql_alter(p, HR_ALTER_PROPERTIES, T);
    if (A) { A->properties = O; A->is_view = true; }
}
stmt(A) ::= ALTER VIEW names(T) UNSET TBLPROPERTIES if_exists LP property_keys(O) RP. {
    A = hr_sql_alter(p, HR_ALTER_PROPERTIES, T);
    if (A) { A->properties = O; A->unset = true; A->is_view = true; }
}
stmt(A) ::= ALTER TABLE names(T) SET LOCATION STRING(S). {
    A = hr_sql_alter(p, HR_ALTER_LOCATION, T);
    if (A) A->location = hr_sql_cstring(p, S);
}
stmt(A) ::= COMMENT ON TABLE names(T) IS comment_text(S). {
    A = hr_sql_alter(p, HR_ALTER_COMMENT, T);
    if (A) A->comment = S;
}
stmt(A) ::= TRUNCATE TABLE names(T). {
    A = hr_sql_stmt(p, HR_STMT_TRUNCATE);
    if (A) hr_sql_stmt_name(A, T);
}
stmt(A) ::= TRUNCATE TABLE names(T) PARTITION LP key_list(L) RP. {
    A = hr_sql_stmt(p, HR_STMT_TRUNCATE);
    if (A) { hr_sql_stmt_name(A, T); hr_sql_stmt_keys(A, L); }
}
stmt(A) ::= ANALYZE TABLE names(T) COMPUTE STATISTICS noscan(N). {
    A = hr_sql_stmt(p, HR_STMT_ANALYZE);
    if (A) { hr_sql_stmt_name(A, T); A->unset = N; }
}
%type noscan {int}
noscan(A) ::= . { A = 0; }
noscan(A) ::= NOSCAN. { A = 1; }
stmt(A) ::= REFRESH TABLE names(T). {
    A = hr_sql_stmt(p, HR_STMT_REFRESH);
    if (A) hr_sql_stmt_name(A, T);
}
stmt(A) ::= CREATE or_replace external TABLE if_not_exists(I) names(T) LIKE names(N) clauses(C). {
    A = hr_sql_stmt(p, HR_STMT_CREATE_LIKE);
    if (A) {
        A->if_not_exists = I;
        hr_sql_stmt_name(A, T);
        hr_sql_stmt_other(A, N);
        hr_sql_stmt_clauses(p, A, NULL, C);
    }
}
schemas ::= SCHEMAS.
schemas ::= DATABASES.
schemas ::= NAMESPACES.
stmt(A) ::= SHOW schemas like_opt(L). { A = hr_sql_show(p, HR_SHOW_SCHEMAS, NULL, L); }
stmt(A) ::= SHOW CATALOGS like_opt(L). { A = hr_sql_show(p, HR_SHOW_CATALOGS, NULL, L); }
stmt(A) ::= SHOW CURRENT schema. { A = hr_sql_show(p, HR_SHOW_CURRENT, NULL, NULL); }
stmt(A) ::= SHOW PARTITIONS names(T). { A = hr_sql_show(p, HR_SHOW_PARTITIONS, T, NULL); }
stmt(A) ::= SHOW PARTITIONS names(T) PARTITION LP key_list(L) RP. {
    A = hr_sql_show(p, HR_SHOW_PARTITIONS, T, NULL);
    hr_sql_stmt_keys(A, L);
}
stmt(A) ::= SHOW TBLPROPERTIES names(T). { A = hr_sql_show(p, HR_SHOW_PROPERTIES, T, NULL); }
stmt(A) ::= SHOW TBLPROPERTIES names(T) LP property_key(K) RP. {
    A = hr_sql_show(p, HR_SHOW_PROPERTIES, T, NULL);
    if (A) A->value = K;
}
stmt(A) ::= SHOW TABLE EXTENDED in_schema(S) LIKE STRING(L). {
    A = hr_sql_show(p, HR_SHOW_EXTENDED, S, hr_sql_cstring(p, L));
}
stmt(A) ::= describe table_opt extended(E) names(T) ident(C). {
    A = hr_sql_stmt(p, HR_STMT_DESCRIBE);
    if (A) { A->extended = E; A->column = hr_sql_ident(p, C); hr_sql_stmt_name(A, T); }
}

/* SQL functions: build_function.c. */
stmt(A) ::= CREATE or_replace(R) temporary(T) FUNCTION if_not_exists(N) names(F) LP params(P) RP
            returns(Y) characteristics RETURN(S) function_body(B). {
    A = hr_sql_create_function(p, F, P, Y, S, B);
    if (A) { A->or_replace = R; A->is_temporary = T; A->if_not_exists = N; }
}
stmt(A) ::= CREATE(C) or_replace temporary FUNCTION if_not_exists names(F) AS STRING. {
    A = NULL;
    hr_sql_unsupported(p, C->pos, OPT_NAMES(F), "a function of a Java class");
}
%type params {struct hr_sql_params *}
%type param_list {struct hr_sql_params *}
%type param_options {struct hr_sql_param_options}
params(A) ::= . { A = NULL; }
params(A) ::= param_list(L). { A = L; }
param_list(A) ::= ident(N) type(T) param_options(O). { A = hr_sql_push_param(p, NULL, N, T, O); }
param_list(A) ::= param_list(L) COMMA ident(N) type(T) param_options(O). {
    A = hr_sql_push_param(p, L, N, T, O);
}
param_options(A) ::= param_default(X) param_comment. {
    A = (struct hr_sql_param_options){.value = X};
}
param_options(A) ::= NOT NULL(E) param_default param_comment. {
    A = (struct hr_sql_param_options){.not_null = true, .end = E->end};
}
param_comment ::= .
param_comment ::= COMMENT STRING.
%type param_default {struct hr_sql_x}
param_default(A) ::= . { A = NO_X; }
param_default(A) ::= DEFAULT bexpr(X). { A = X; }
%type returns {struct hr_sql_returns}
returns(A) ::= . { A = (struct hr_sql_returns){0}; }
returns(A) ::= RETURNS type(T). { A = (struct hr_sql_returns){.type = T.type}; }
returns(A) ::= RETURNS TABLE. { A = (struct hr_sql_returns){.is_table = true}; }
returns(A) ::= RETURNS TABLE LP columns(L) RP. {
    A = (struct hr_sql_returns){.is_table = true, .columns = L};
}
characteristics ::= .
characteristics ::= characteristics LANGUAGE(L) ident(W). { hr_sql_routine_word(p, L, W, "SQL"); }
characteristics ::= characteristics DETERMINISTIC.
characteristics ::= characteristics NOT DETERMINISTIC.
characteristics ::= characteristics COMMENT STRING.
characteristics ::= characteristics CONTAINS(L) ident(W). { hr_sql_routine_word(p, L, W, "SQL"); }
characteristics ::= characteristics READS(L) ident(W) ident(D). {
    hr_sql_routine_word(p, L, W, "SQL");
    hr_sql_routine_word(p, W, D, "DATA");
}
%type function_body {int}
function_body(A) ::= bexpr(X). { A = 0; (void)X; }
function_body(A) ::= query(Q). { A = 1; (void)Q; }
stmt(A) ::= DROP temporary(T) FUNCTION if_exists(I) names(N). {
    A = hr_sql_stmt(p, HR_STMT_DROP_FUNCTION);
    if (A) { A->is_temporary = T; A->if_exists = I; hr_sql_stmt_name(A, N); }
}

/* Parts of statements */
%type or_replace {int}
or_replace(A) ::= . { A = 0; }
or_replace(A) ::= OR REPLACE. { A = 1; }
or_replace(A) ::= OR REFRESH. { A = 1; }
%type external {int}
external(A) ::= . { A = 0; }
external(A) ::= EXTERNAL. { A = 1; }
%type temporary {int}
temporary(A) ::= . { A = 0; }
temporary(A) ::= TEMPORARY. { A = 1; }
temporary(A) ::= GLOBAL TEMPORARY. { A = 2; }
%type if_not_exists {int}
if_not_exists(A) ::= . { A = 0; }
if_not_exists(A) ::= IF NOT EXISTS. { A = 1; }
%type if_exists {int}
if_exists(A) ::= . { A = 0; }
if_exists(A) ::= IF EXISTS. { A = 1; }
%type as_query {struct hr_sql_q}
as_query(A) ::= . { A = (struct hr_sql_q){0}; }
as_query(A) ::= AS query(Q). { A = Q; }
%type column_comment {struct hr_sql_column_options}
column_comment(A) ::= . { A = (struct hr_sql_column_options){0}; }
column_comment(A) ::= COMMENT STRING(S). {
    A = (struct hr_sql_column_options){.comment = hr_sql_cstring(p, S)};
}

%type table_columns {struct hr_sql_columns *}
%type columns {struct hr_sql_columns *}
table_columns(A) ::= . { A = NULL; }
table_columns(A) ::= LP columns(L) RP. { A = L; }
columns(A) ::= ident(N) type(T) column_options(O). { A = hr_sql_push_column(p, NULL, N, T, O); }
columns(A) ::= columns(L) COMMA ident(N) type(T) column_options(O). {
    A = hr_sql_push_column(p, L, N, T, O);
}
%type column_options {struct hr_sql_column_options}
column_options(A) ::= . { A = (struct hr_sql_column_options){0}; }
column_options(A) ::= column_options(O) NOT NULL. { A = O; A.not_null = true; }
column_options(A) ::= column_options(O) COMMENT STRING(S). {
    A = O;
    A.comment = hr_sql_cstring(p, S);
}
column_options(A) ::= column_options(O) DEFAULT vexpr(X). {
    A = O;
    A.def = hr_sql_slice(p, X.pos, X.end);
}

%type view_columns {struct hr_sql_columns *}
%type view_column_list {struct hr_sql_columns *}
view_columns(A) ::= . { A = NULL; }
view_columns(A) ::= LP view_column_list(L) RP. { A = L; }
view_column_list(A) ::= ident(N) column_comment(C). {
    A = hr_sql_push_column(p, NULL, N, NO_TYPE, C);
}
view_column_list(A) ::= ident(N) type(T) column_options(O). {
    A = hr_sql_push_column(p, NULL, N, T, O);
}
view_column_list(A) ::= view_column_list(L) COMMA ident(N) column_comment(C). {
    A = hr_sql_push_column(p, L, N, NO_TYPE, C);
}
view_column_list(A) ::= view_column_list(L) COMMA ident(N) type(T) column_options(O). {
    A = hr_sql_push_column(p, L, N, T, O);
}

%type clauses {struct hr_sql_clauses *}
clauses(A) ::= . { A = hr_sql_clauses(p); }
clauses(A) ::= clauses(C) USING names(N). { A = C; hr_sql_using(p, A, N); }
clauses(A) ::= clauses(C) LATE ROWS INTO names(N). { A = C; if (A) A->late = N; }
clauses(A) ::= clauses(C) OPTIONS LP properties(O) RP. { A = C; hr_sql_merge_options(p, A, O); }
clauses(A) ::= clauses(C) PARTITIONED BY LP idents(L) RP. { A = C; if (A) A->partitions = L; }
clauses(A) ::= clauses(C) PARTITIONED BY LP columns(L) RP. {
    A = C;
    if (A) A->partition_columns = L;
}
clauses(A) ::= clauses(C) TBLPROPERTIES LP properties(O) RP. { A = C; if (A) A->properties = O; }
clauses(A) ::= clauses(C) LOCATION STRING(S). {
    A = C;
    if (A) A->location = hr_sql_cstring(p, S);
}
clauses(A) ::= clauses(C) COMMENT STRING(S). { A = C; if (A) A->comment = hr_sql_cstring(p, S); }

%type properties {struct hr_options *}
properties(A) ::= property_key(K) property_value(V). { A = hr_sql_put_option(p, NULL, K, V); }
properties(A) ::= properties(O) COMMA property_key(K) property_value(V). {
    A = hr_sql_put_option(p, O, K, V);
}
%type property_key {const char *}
property_key(A) ::= names(N). { A = hr_sql_dotted(p, N); p->property_rest = NULL; }
property_key(A) ::= STRING(S). { A = hr_sql_property_key(p, S); }
%type property_value {const char *}
property_value(A) ::= . { A = hr_sql_property_value(p, NULL); }
property_value(A) ::= plain_value(V). { A = hr_sql_property_value(p, V); }
property_value(A) ::= EQ plain_value(V). { A = hr_sql_property_value(p, V); }
%type plain_value {const char *}
plain_value(A) ::= STRING(S). { A = hr_sql_cstring(p, S); }
plain_value(A) ::= INTEGER(S). { A = hr_sql_word(p, S); }
plain_value(A) ::= NUMBER(S). { A = hr_sql_word(p, S); }
plain_value(A) ::= DASH INTEGER(S). { A = hr_sql_negative_word(p, S); }
plain_value(A) ::= DASH NUMBER(S). { A = hr_sql_negative_word(p, S); }
plain_value(A) ::= TRUE. { A = "true"; }
plain_value(A) ::= FALSE. { A = "false"; }

/* Names ---------------------------------------------------------------------------------------- */

%type ident {const struct hr_sql_token *}
ident(A) ::= ID(T). { A = T; }
ident(A) ::= QUOTED(T). { A = T; }
%type names {struct hr_sql_names *}
names(A) ::= ident(T). { A = hr_sql_push_name(p, NULL, T); }
names(A) ::= names(N) DOT ident(T). { A = hr_sql_push_name(p, N, T); }
names(A) ::= IDENTIFIER(T) LP bexpr(X) RP(R). { A = hr_sql_identifier(p, T, X, R); }
%type idents {struct hr_sql_names *}
idents(A) ::= ident(T). { A = hr_sql_push_name(p, NULL, T); }
idents(A) ::= idents(N) COMMA ident(T). { A = hr_sql_push_name(p, N, T); }

%type type {struct hr_sql_type}
type(A) ::= ID(T). { A = hr_sql_type(p, T, T); }
type(A) ::= NESTED_TYPE(T). { A = hr_sql_type(p, T, T); }
type(A) ::= ID(T) LP INTEGER RP(E). { A = hr_sql_type(p, T, E); }
type(A) ::= ID(T) LP INTEGER COMMA sizes RP(E). { A = hr_sql_type(p, T, E); }
sizes ::= INTEGER.
sizes ::= sizes COMMA INTEGER.

/* Queries -------------------------------------------------------------------------------------- */

%type query {struct hr_sql_q}
query(A) ::= query_body(Q). { A = Q; }
query(A) ::= WITH(W) recursive ctes(C) query_body(Q). { A = hr_sql_with_query(p, C, W->pos, Q); }
recursive ::= .
recursive ::= RECURSIVE(R). { hr_sql_unsupported(p, R->pos, R->end, "a recursive CTE"); }
%type ctes {struct hr_plan *}
ctes(A) ::= ident(N) LP query(Q) RP. {
    A = hr_sql_with(p);
    hr_sql_push_cte(p, A, N, NULL, Q);
}
ctes(A) ::= ident(N) AS LP query(Q) RP. {
    A = hr_sql_with(p);
    hr_sql_push_cte(p, A, N, NULL, Q);
}
ctes(A) ::= ident(N) LP idents(L) RP LP query(Q) RP. {
    A = hr_sql_with(p);
    hr_sql_push_cte(p, A, N, L, Q);
}
ctes(A) ::= ident(N) LP idents(L) RP AS LP query(Q) RP. {
    A = hr_sql_with(p);
    hr_sql_push_cte(p, A, N, L, Q);
}
ctes(A) ::= ctes(C) COMMA ident(N) LP query(Q) RP. {
    A = C;
    hr_sql_push_cte(p, A, N, NULL, Q);
}
ctes(A) ::= ctes(C) COMMA ident(N) AS LP query(Q) RP. {
    A = C;
    hr_sql_push_cte(p, A, N, NULL, Q);
}
ctes(A) ::= ctes(C) COMMA ident(N) LP idents(L) RP LP query(Q) RP. {
    A = C;
    hr_sql_push_cte(p, A, N, L, Q);
}
ctes(A) ::= ctes(C) COMMA ident(N) LP idents(L) RP AS LP query(Q) RP. {
    A = C;
    hr_sql_push_cte(p, A, N, L, Q);
}
as_opt ::= .
as_opt ::= AS.

%type query_body {struct hr_sql_q}
query_body(A) ::= ordered(Q). { A = Q; }
query_body(A) ::= ordered(Q) LIMIT limit(L). { A = hr_sql_limit(p, Q, L, NO_X); }
query_body(A) ::= ordered(Q) OFFSET bexpr(O). { A = hr_sql_limit(p, Q, NO_X, O); }
query_body(A) ::= ordered(Q) LIMIT limit(L) OFFSET bexpr(O). { A = hr_sql_limit(p, Q, L, O); }
%type limit {struct hr_sql_x}
limit(A) ::= ALL. { A = NO_X; }
limit(A) ::= bexpr(X). { A = X; }
%type ordered {struct hr_sql_q}
ordered(A) ::= query_term(Q). { A = Q; }
ordered(A) ::= query_term(Q) ORDER BY sort_keys(L). { A = hr_sql_order(p, Q, L, true); }
ordered(A) ::= query_term(Q) SORT BY sort_keys(L). { A = hr_sql_order(p, Q, L, false); }
%type sort_keys {struct hr_sql_list *}
%type sort_key {struct hr_sql_x}
sort_keys(A) ::= sort_key(X). { A = hr_sql_push(p, NULL, X); }
sort_keys(A) ::= sort_keys(L) COMMA sort_key(X). { A = hr_sql_push(p, L, X); }
sort_key(A) ::= bexpr(X) direction(D) nulls(N). { A = hr_sql_sort_key(p, X, D, N); }
%type direction {struct hr_sql_flag}
direction(A) ::= . { A = (struct hr_sql_flag){0, 0}; }
direction(A) ::= ASC(T). { A = (struct hr_sql_flag){0, T->end}; }
direction(A) ::= DESC(T). { A = (struct hr_sql_flag){1, T->end}; }
%type nulls {struct hr_sql_flag}
nulls(A) ::= . { A = (struct hr_sql_flag){0, 0}; }
nulls(A) ::= NULLS FIRST(T). { A = (struct hr_sql_flag){1, T->end}; }
nulls(A) ::= NULLS LAST(T). { A = (struct hr_sql_flag){-1, T->end}; }

%type query_term {struct hr_sql_q}
query_term(A) ::= query_primary(Q). { A = Q; }
query_term(A) ::= query_term(L) UNION all(M) by_name(B) query_term(R). [UNION] {
    A = hr_sql_set_op(p, L, 'U', M, B, R);
}
query_term(A) ::= query_term(L) EXCEPT all(M) query_term(R). {
    A = hr_sql_set_op(p, L, 'E', M, false, R);
}
query_term(A) ::= query_term(L) SETMINUS all(M) query_term(R). {
    A = hr_sql_set_op(p, L, 'E', M, false, R);
}
query_term(A) ::= query_term(L) INTERSECT all(M) query_term(R). {
    A = hr_sql_set_op(p, L, 'I', M, false, R);
}
/* query |> operator: build_pipe.c. */
query_term(A) ::= query_term(Q) PIPE_TO pipe_select(S). { A = hr_sql_pipe_select(p, Q, S); }
query_term(A) ::= query_term(Q) PIPE_TO EXTEND items(L). { A = hr_sql_pipe_extend(p, Q, L); }
query_term(A) ::= query_term(Q) PIPE_TO SET assignments(L). { A = hr_sql_pipe_set(p, Q, L); }
query_term(A) ::= query_term(Q) PIPE_TO DROP(D) idents(L). { A = hr_sql_pipe_drop(p, Q, D, L); }
query_term(A) ::= query_term(Q) PIPE_TO AS ident(N). {
    A = hr_sql_alias_query(p, Q, hr_sql_table_alias(p, N, NULL, N->end));
}
query_term(A) ::= query_term(Q) PIPE_TO WHERE bexpr(X). { A = hr_sql_pipe_where(p, Q, X); }
query_term(A) ::= query_term(Q) PIPE_TO pivot(P). { A = hr_sql_pivoted(p, Q, P); }
query_term(A) ::= query_term(Q) PIPE_TO TABLESAMPLE(T). { A = hr_sql_sample(p, Q, T); }
query_term(A) ::= query_term(Q) PIPE_TO AGGREGATE(T) items_opt(L) pipe_groups(G). {
    A = hr_sql_pipe_aggregate(p, Q, T, L, G);
}
query_term(A) ::= query_term(Q) PIPE_TO join(J) JOIN table_primary(R) on(O). {
    A = hr_sql_join(p, Q, J, R, O);
}
query_term(A) ::= query_term(Q) PIPE_TO NATURAL join(J) JOIN table_primary(R). {
    J.natural = true;
    A = hr_sql_join(p, Q, J, R, (struct hr_sql_on){0});
}
query_term(A) ::= query_term(L) PIPE_TO UNION all(M) query_primary(R). {
    A = hr_sql_set_op(p, L, 'U', M, false, R);
}
query_term(A) ::= query_term(L) PIPE_TO EXCEPT all(M) query_primary(R). {
    A = hr_sql_set_op(p, L, 'E', M, false, R);
}
query_term(A) ::= query_term(L) PIPE_TO SETMINUS all(M) query_primary(R). {
    A = hr_sql_set_op(p, L, 'E', M, false, R);
}
query_term(A) ::= query_term(L) PIPE_TO INTERSECT all(M) query_primary(R). {
    A = hr_sql_set_op(p, L, 'I', M, false, R);
}
query_term(A) ::= query_term(Q) PIPE_TO ORDER BY sort_keys(L). [PREC_LOW] {
    A = hr_sql_pipe_order(p, Q, L, true);
}
query_term(A) ::= query_term(Q) PIPE_TO SORT BY sort_keys(L). [PREC_LOW] {
    A = hr_sql_pipe_order(p, Q, L, false);
}
query_term(A) ::= query_term(Q) PIPE_TO LIMIT limit(L). [PREC_LOW] {
    A = hr_sql_limit(p, Q, L, NO_X);
}
query_term(A) ::= query_term(Q) PIPE_TO OFFSET bexpr(O). { A = hr_sql_limit(p, Q, NO_X, O); }
query_term(A) ::= query_term(Q) PIPE_TO LIMIT limit(L) OFFSET bexpr(O). {
    A = hr_sql_limit(p, Q, L, O);
}
query_term(A) ::= query_term(Q) PIPE_TO ORDER(S) BY sort_keys LIMIT limit(L). {
    A = Q;
    hr_sql_pipe_two_clauses(p, S, L.end, "ORDER BY", "LIMIT");
}
query_term(A) ::= query_term(Q) PIPE_TO WINDOW(W) windows. {
    A = Q;
    HR_SQL_RAISE(p, W->pos, (int32_t)p->len, HR_E_PIPE_CLAUSE, "clauses", "the WINDOW clause");
}
%type pipe_select {struct hr_sql_select *}
pipe_select(A) ::= select_head_only(S) group_by(G). { A = S; if (A) A->group = G; }
pipe_select(A) ::= pipe_select(S) WINDOW windows(L). { A = hr_sql_windows(p, S, L); }
%type items_opt {struct hr_sql_list *}
items_opt(A) ::= . { A = NULL; }
items_opt(A) ::= items(L). { A = L; }
%type pipe_groups {struct hr_sql_list *}
pipe_groups(A) ::= . { A = NULL; }
pipe_groups(A) ::= GROUP BY items(L). { A = L; }
pipe_groups(A) ::= GROUP(G) BY ALL(T). {
    A = NULL;
    HR_SQL_RAISE(p, G->pos, T->end, HR_E_PIPE_AGGREGATE_CASE, "case", "GROUP BY ALL");
}
pipe_groups(A) ::= GROUP BY items(L) grouping_sets(S). {
    A = L;
    HR_SQL_RAISE(p, S.pos, S.end, HR_E_PIPE_AGGREGATE_CASE, "case", "GROUPING SETS");
}
%type all {int}
all(A) ::= . { A = 0; }
all(A) ::= ALL. { A = 1; }
all(A) ::= DISTINCT. { A = 0; }

%type query_primary {struct hr_sql_q}
query_primary(A) ::= select(S). { A = hr_sql_select(p, S); }
query_primary(A) ::= FROM(F) from(Q). [PREC_LOW] {
    A = Q;
    A.pos = F->pos;
    A.is_union_all = false;
}
query_primary(A) ::= VALUES(V) value_rows(L). [PREC_LOW] { A = hr_sql_values(p, V, L); }
query_primary(A) ::= VALUES(V) value_rows(L) alias(N). [PREC_HIGH] {
    A = hr_sql_alias_query(p, hr_sql_values(p, V, L), N);
}
query_primary(A) ::= TABLE_QUERY(T) names(N). {
    A = hr_sql_relation(p, N, false, NULL, T->pos, OPT_NAMES(N));
}
query_primary(A) ::= LP(L) query(Q) RP(R). [PREC_HIGH] { A = hr_sql_paren_query(Q, L, R); }
%type value_rows {struct hr_sql_list *}
value_rows(A) ::= bexpr(X). { A = hr_sql_push(p, NULL, X); }
value_rows(A) ::= value_rows(L) COMMA bexpr(X). { A = hr_sql_push(p, L, X); }

%type select {struct hr_sql_select *}
%type select_head {struct hr_sql_select *}
select(A) ::= select_head(S) where(W) group_by(G) having(H). {
    A = S;
    if (A) { A->where = W; A->group = G; A->having = H; }
}
select(A) ::= FROM(F) from(Q) select_head_only(S) where(W) group_by(G) having(H). {
    A = S;
    if (A) { A->from = Q; A->pos = F->pos; A->where = W; A->group = G; A->having = H; }
}
select(A) ::= select(S) QUALIFY(Q) bexpr(X). { A = hr_sql_qualify(p, S, Q, X); }
select(A) ::= select(S) WINDOW windows(L). { A = hr_sql_windows(p, S, L); }
%type windows {struct hr_sql_windows *}
windows(A) ::= ident(N) AS window_spec(W). { A = hr_sql_push_window(p, NULL, N, W); }
windows(A) ::= windows(L) COMMA ident(N) AS window_spec(W). {
    A = hr_sql_push_window(p, L, N, W);
}
%type select_head_only {struct hr_sql_select *}
select_head_only(A) ::= SELECT(S) distinct(D) items(L). {
    A = hr_sql_new_select(p, S);
    if (A) { A->distinct = D; A->items = L; }
}
select_head(A) ::= select_head_only(S). { A = S; }
select_head(A) ::= select_head_only(S) FROM from(Q). { A = S; if (A) A->from = Q; }
%type distinct {int}
distinct(A) ::= . { A = 0; }
distinct(A) ::= ALL. { A = 0; }
distinct(A) ::= DISTINCT. { A = 1; }
%type where {struct hr_sql_x}
where(A) ::= . { A = NO_X; }
where(A) ::= WHERE bexpr(X). { A = X; }
%type having {struct hr_sql_x}
having(A) ::= . { A = NO_X; }
having(A) ::= HAVING bexpr(X). { A = X; }

%type group_by {struct hr_sql_group}
group_by(A) ::= . { A = (struct hr_sql_group){0}; }
group_by(A) ::= GROUP BY ALL. { A = (struct hr_sql_group){.has = true, .all = true}; }
group_by(A) ::= GROUP BY group_items(L). { A = hr_sql_group(p, L, NULL); }
group_by(A) ::= GROUP BY group_items(L) WITH ROLLUP(R). {
    A = hr_sql_group_with(p, L, "rollup", R);
}
group_by(A) ::= GROUP BY group_items(L) WITH CUBE(R). { A = hr_sql_group_with(p, L, "cube", R); }
group_by(A) ::= GROUP BY group_items(L) grouping_sets(S). {
    A = hr_sql_group(p, L, S.x);
    A.end = S.end;
}
%type group_items {struct hr_sql_list *}
%type group_item {struct hr_sql_x}
group_items(A) ::= group_item(X). { A = hr_sql_push(p, NULL, X); }
group_items(A) ::= group_items(L) COMMA group_item(X). { A = hr_sql_push(p, L, X); }
group_item(A) ::= bexpr(X). { A = X; }
group_item(A) ::= grouping_sets(X). { A = X; }
%type grouping_sets {struct hr_sql_x}
grouping_sets(A) ::= GROUPING(G) SETS LP sets(L) RP(R). {
    A = hr_sql_grouping_sets(p, L, G->pos, R->end);
}
%type sets {struct hr_sql_list *}
%type set {struct hr_sql_x}
sets(A) ::= set(X). { A = hr_sql_push(p, NULL, X); }
sets(A) ::= sets(L) COMMA set(X). { A = hr_sql_push(p, L, X); }
set(A) ::= bexpr(X). { A = X; }
set(A) ::= grouping_sets(X). { A = X; }
set(A) ::= LP(L) RP(R). { A = hr_sql_empty_set(p, L->pos, R->end); }

/* Select items */
%type items {struct hr_sql_list *}
%type item {struct hr_sql_x}
items(A) ::= item(X). { A = hr_sql_push(p, NULL, X); }
items(A) ::= items(L) COMMA item(X). { A = hr_sql_push(p, L, X); }
item(A) ::= bexpr(X). { A = X; }
item(A) ::= bexpr(X) as_opt ident(N). { A = hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N)); }
item(A) ::= bexpr(X) AS LP idents(L) RP. { A = hr_sql_alias(p, X, L); }
item(A) ::= star(X). { A = X; }
%type star {struct hr_sql_x}
star(A) ::= STAR(S) except(E). { A = hr_sql_star(p, NULL, S, E, S->end); }
star(A) ::= names(N) DOT STAR(S) except(E). { A = hr_sql_star(p, N, S, E, S->end); }
%type except {struct hr_sql_names *}
except(A) ::= . { A = NULL; }
except(A) ::= STAR_EXCEPT LP idents(L) RP. { A = L; }

/* FROM ----------------------------------------------------------------------------------------- */

%type from {struct hr_sql_q}
from(A) ::= relations(Q). { A = Q; }
from(A) ::= from(Q) LATERAL VIEW outer(O) names(N) LP args(L) RP(R) ident_opt(T) view_names(C). {
    A = hr_sql_lateral_view(p, Q, O, hr_sql_function(p, N, false, L, R), T, C, R->end);
}
%type outer {int}
outer(A) ::= . { A = 0; }
outer(A) ::= OUTER. { A = 1; }
%type ident_opt {const char *}
ident_opt(A) ::= . { A = NULL; }
ident_opt(A) ::= ident(T). { A = hr_sql_ident(p, T); }
%type view_names {struct hr_sql_names *}
view_names(A) ::= . { A = NULL; }
view_names(A) ::= AS idents(L). [PREC_LOW] { A = L; }

%type relations {struct hr_sql_q}
relations(A) ::= relation(Q). { A = Q; }
relations(A) ::= relations(L) COMMA relation(R). {
    A = hr_sql_join(p, L, (struct hr_sql_join){.type = HR_JOIN_INNER, .comma = true}, R,
                    (struct hr_sql_on){0});
}
%type relation {struct hr_sql_q}
relation(A) ::= table_primary(Q). { A = Q; }
relation(A) ::= relation(L) join(J) JOIN table_primary(R) on(O). {
    A = hr_sql_join(p, L, J, R, O);
}
relation(A) ::= relation(L) NATURAL join(J) JOIN table_primary(R). {
    J.natural = true;
    A = hr_sql_join(p, L, J, R, (struct hr_sql_on){0});
}
relation(A) ::= pivoted(Q). [PREC_LOW] { A = Q; }
relation(A) ::= pivoted(Q) alias(N). { A = hr_sql_alias_query(p, Q, N); }
%type pivoted {struct hr_sql_q}
%type pivot {struct hr_plan *}
pivoted(A) ::= relation(Q) pivot(P). { A = hr_sql_pivoted(p, Q, P); }
pivot(A) ::= PIVOT(T) LP items(L) FOR pivot_columns(C) IN LP pivot_values(V) RP RP(R). {
    A = hr_sql_pivot(p, T, L, C, V, R);
}
pivot(A) ::= UNPIVOT(T) nulls_kept(K) LP ident(V) FOR ident(N) IN LP unpivot_columns(L) RP RP(R). {
    A = hr_sql_unpivot(p, T, K, hr_sql_push_name(p, NULL, V), N, L, R);
}
pivot(A) ::= UNPIVOT(T) nulls_kept(K) LP LP idents(V) RP FOR ident(N) IN LP unpivot_groups(L) RP
             RP(R). {
    A = hr_sql_unpivot(p, T, K, V, N, L, R);
}
%type pivot_columns {struct hr_sql_names *}
pivot_columns(A) ::= ident(N). { A = hr_sql_push_name(p, NULL, N); }
pivot_columns(A) ::= LP idents(L) RP. { A = L; }
%type pivot_values {struct hr_sql_list *}
%type pivot_value {struct hr_sql_x}
pivot_values(A) ::= pivot_value(X). { A = hr_sql_push(p, NULL, X); }
pivot_values(A) ::= pivot_values(L) COMMA pivot_value(X). { A = hr_sql_push(p, L, X); }
pivot_value(A) ::= bexpr(X). { A = X; }
pivot_value(A) ::= bexpr(X) as_opt ident(N). {
    A = hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N));
}
%type nulls_kept {int}
nulls_kept(A) ::= . { A = 0; }
nulls_kept(A) ::= INCLUDE NULLS. { A = 1; }
nulls_kept(A) ::= EXCLUDE NULLS. { A = 0; }
/* Groups of columns, each a row: ALIASes have names. */
%type unpivot_columns {struct hr_sql_list *}
%type unpivot_groups {struct hr_sql_list *}
%type unpivot_group {struct hr_sql_x}
%type columns_of_group {struct hr_sql_list *}
unpivot_columns(A) ::= names(N). { A = hr_sql_push_group(p, NULL, hr_sql_name_expr(p, N), NULL); }
unpivot_columns(A) ::= names(N) as_opt ident(T). {
    A = hr_sql_push_group(p, NULL, hr_sql_name_expr(p, N), T);
}
unpivot_columns(A) ::= unpivot_columns(L) COMMA names(N). {
    A = hr_sql_push_group(p, L, hr_sql_name_expr(p, N), NULL);
}
unpivot_columns(A) ::= unpivot_columns(L) COMMA names(N) as_opt ident(T). {
    A = hr_sql_push_group(p, L, hr_sql_name_expr(p, N), T);
}
unpivot_groups(A) ::= unpivot_group(X). { A = hr_sql_push_group(p, NULL, X, NULL); }
unpivot_groups(A) ::= unpivot_group(X) as_opt ident(T). { A = hr_sql_push_group(p, NULL, X, T); }
unpivot_groups(A) ::= unpivot_groups(L) COMMA unpivot_group(X). {
    A = hr_sql_push_group(p, L, X, NULL);
}
unpivot_groups(A) ::= unpivot_groups(L) COMMA unpivot_group(X) as_opt ident(T). {
    A = hr_sql_push_group(p, L, X, T);
}
unpivot_group(A) ::= LP(S) columns_of_group(L) RP(R). { A = hr_sql_row(p, L, S, R); }
columns_of_group(A) ::= names(N). { A = hr_sql_push(p, NULL, hr_sql_name_expr(p, N)); }
columns_of_group(A) ::= columns_of_group(L) COMMA names(N). {
    A = hr_sql_push(p, L, hr_sql_name_expr(p, N));
}
%type join {struct hr_sql_join}
join(A) ::= . { A = (struct hr_sql_join){.type = HR_JOIN_INNER}; }
join(A) ::= INNER. { A = (struct hr_sql_join){.type = HR_JOIN_INNER}; }
join(A) ::= CROSS. { A = (struct hr_sql_join){.type = HR_JOIN_CROSS}; }
join(A) ::= LEFT outer. { A = (struct hr_sql_join){.type = HR_JOIN_LEFT}; }
join(A) ::= RIGHT outer. { A = (struct hr_sql_join){.type = HR_JOIN_RIGHT}; }
join(A) ::= FULL outer. { A = (struct hr_sql_join){.type = HR_JOIN_FULL}; }
join(A) ::= SEMI. { A = (struct hr_sql_join){.type = HR_JOIN_SEMI}; }
join(A) ::= LEFT SEMI. { A = (struct hr_sql_join){.type = HR_JOIN_SEMI}; }
join(A) ::= ANTI. { A = (struct hr_sql_join){.type = HR_JOIN_ANTI}; }
join(A) ::= LEFT ANTI. { A = (struct hr_sql_join){.type = HR_JOIN_ANTI}; }
%type on {struct hr_sql_on}
on(A) ::= . { A = (struct hr_sql_on){0}; }
on(A) ::= ON bexpr(X). { A = (struct hr_sql_on){.condition = X.x, .end = X.end}; }
on(A) ::= USING LP idents(L) RP(R). { A = (struct hr_sql_on){.names = L, .end = R->end}; }

%type table_primary {struct hr_sql_q}
%type table {struct hr_sql_q}
%type alias {struct hr_sql_alias *}
%type refined {struct hr_sql_q}
table_primary(A) ::= refined(Q). [PREC_LOW] { A = Q; }
table_primary(A) ::= refined(Q) alias(N). { A = hr_sql_alias_query(p, Q, N); }
refined(A) ::= table(Q) watermark(W). [PREC_LOW] { A = hr_sql_watermarked(p, Q, W); }
refined(A) ::= table(Q) watermark(W) DEDUPLICATE(D) BY LP exprs(L) RP within_watermark(I). {
    A = hr_sql_deduplicate(p, hr_sql_watermarked(p, Q, W), D, L, I);
}
refined(A) ::= table(Q) watermark(W) DEDUPLICATE(D) BY ALL within_watermark(I). {
    A = hr_sql_deduplicate(p, hr_sql_watermarked(p, Q, W), D, NULL, I);
}
refined(A) ::= table(Q) watermark(W) SILENT(S) BY LP exprs(L) RP FOR INTERVAL(I). {
    A = hr_sql_silent(p, hr_sql_watermarked(p, Q, W), S, L, I);
}
%type within_watermark {int}
within_watermark(A) ::= . [PREC_LOW] { A = 0; }
within_watermark(A) ::= WITHIN WATERMARK. { A = 1; }
table_primary(A) ::= VALUES(V) value_rows(L). [PREC_LOWEST] { A = hr_sql_values(p, V, L); }
table_primary(A) ::= VALUES(V) value_rows(L) alias(N). [PREC_LOW] {
    A = hr_sql_alias_query(p, hr_sql_values(p, V, L), N);
}
table(A) ::= names(N) relation_options(O). {
    A = hr_sql_relation(p, N, false, O, N ? N->pos : 0, OPT_NAMES(N));
}
table(A) ::= STREAM(S) names(N) relation_options(O). {
    A = hr_sql_relation(p, N, true, O, S->pos, OPT_NAMES(N));
}
table(A) ::= STREAM(S) LP names(N) RP(R) relation_options(O). {
    A = hr_sql_relation(p, N, true, O, S->pos, R->end);
}
table(A) ::= names(N) LP args(L) RP(R). { A = hr_sql_table_function(p, N, L, R); }
table(A) ::= LP(L) query(Q) RP(R). [PREC_LOW] { A = hr_sql_paren_query(Q, L, R); }
table(A) ::= LP(L) relation(Q) RP(R). { A = hr_sql_paren_query(Q, L, R); }
table(A) ::= LATERAL_QUERY LP(L) query(Q) RP(R). {
    A = hr_sql_paren_query(Q, L, R);
    A.is_lateral = true;
}
table(A) ::= LATERAL_QUERY names(N) LP args(L) RP(R). {
    A = hr_sql_table_function(p, N, L, R);
    A.is_lateral = true;
}
table(A) ::= table(Q) TABLESAMPLE(T). {
    A = hr_sql_sample(p, Q, T);
}
%type relation_options {struct hr_options *}
relation_options(A) ::= . { A = NULL; }
relation_options(A) ::= WITH LP properties(O) RP. { A = O; }
%type watermark {struct hr_sql_wm *}
watermark(A) ::= . [PREC_LOW] { A = NULL; }
watermark(A) ::= WATERMARK wm_column(X) DELAY OF INTERVAL(I). {
    A = hr_sql_new_wm(p, X, I);
}
%type wm_column {struct hr_sql_x}
wm_column(A) ::= bexpr(X). { A = X; }
wm_column(A) ::= bexpr(X) as_opt ident(N). {
    A = hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N));
}
alias(A) ::= as_opt ident(N). { A = hr_sql_table_alias(p, N, NULL, N->end); }
alias(A) ::= as_opt ident(N) LP idents(L) RP(R). { A = hr_sql_table_alias(p, N, L, R->end); }

/* Conditions ----------------------------------------------------------------------------------- */

%type bexpr {struct hr_sql_x}
bexpr(A) ::= vexpr(X). { A = X; }
bexpr(A) ::= predicate(X). { A = X; }
bexpr(A) ::= bexpr(L) OR bexpr(R). { A = hr_sql_binary(p, L, "or", R); }
bexpr(A) ::= bexpr(L) AND bexpr(R). { A = hr_sql_binary(p, L, "and", R); }
bexpr(A) ::= NOT(T) bexpr(X). { A = hr_sql_unary(p, T, "not", X); }
bexpr(A) ::= BANG(T) bexpr(X). { A = hr_sql_unary(p, T, "not", X); }
bexpr(A) ::= EXISTS(E) LP query(Q) RP(R). {
    A = hr_sql_subquery(p, HR_SUBQUERY_EXISTS, NULL, Q, E->pos, R->end);
}

%type predicate {struct hr_sql_x}
predicate(A) ::= vexpr(X) not(N) IN LP exprs(L) RP(R). { A = hr_sql_in(p, X, N, L, R->end); }
predicate(A) ::= vexpr(X) not(N) IN LP query(Q) RP(R). {
    A = hr_sql_in_subquery(p, X, N, Q, R->end);
}
predicate(A) ::= vexpr not IN(I) LP RP(R). {
    A = NO_X;
    HR_SQL_RAISE(p, I->pos, R->end, HR_E_EMPTY_IN_PREDICATE);
}
predicate(A) ::= vexpr(X) not(N) BETWEEN vexpr(L) AND vexpr(H). [UNARY] {
    struct hr_sql_x args[] = {X, L, H};
    A = hr_sql_not(p, hr_sql_call(p, X.pos, H.end, "between", args, 3), N);
}
predicate(A) ::= vexpr(X) not(N) like(K) vexpr(Y). [PREC_LOW] {
    struct hr_sql_x args[] = {X, Y};
    A = hr_sql_not(p, hr_sql_call(p, X.pos, Y.end, K, args, 2), N);
}
predicate(A) ::= vexpr(X) not(N) like(K) vexpr(Y) ESCAPE STRING(E). {
    struct hr_sql_x args[] = {X, Y, hr_sql_string_literal(p, E)};
    A = hr_sql_not(p, hr_sql_call(p, X.pos, E->end, K, args, 3), N);
}
predicate(A) ::= vexpr(X) not(N) like(K) like_all(M) LP exprs(L) RP(R). {
    A = hr_sql_like_many(p, X, N, K, M, L, R->end);
}
predicate(A) ::= vexpr(X) IS not(N) NULL(E). {
    A = hr_sql_call(p, X.pos, E->end, N ? "isnotnull" : "isnull", &X, 1);
}
predicate(A) ::= vexpr(X) IS not(N) UNKNOWN(E). {
    A = hr_sql_call(p, X.pos, E->end, N ? "isnotnull" : "isnull", &X, 1);
}
predicate(A) ::= vexpr(X) IS not(N) TRUE(E). {
    A = hr_sql_not(p, hr_sql_call(p, X.pos, E->end, "istrue", &X, 1), N);
}
predicate(A) ::= vexpr(X) IS not(N) FALSE(E). {
    A = hr_sql_not(p, hr_sql_call(p, X.pos, E->end, "isfalse", &X, 1), N);
}
predicate(A) ::= vexpr(X) IS not(N) DISTINCT FROM vexpr(Y). [PREC_LOW] {
    A = hr_sql_not(p, hr_sql_binary(p, X, "<=>", Y), !N);
}
%type not {int}
not(A) ::= . { A = 0; }
not(A) ::= NOT. { A = 1; }
%type like {const char *}
like(A) ::= LIKE. { A = "like"; }
like(A) ::= ILIKE. { A = "ilike"; }
like(A) ::= RLIKE. { A = "rlike"; }
%type like_all {int}
like_all(A) ::= ALL. { A = 1; }
like_all(A) ::= ANY. { A = 0; }
like_all(A) ::= SOME. { A = 0; }

/* Values --------------------------------------------------------------------------------------- */

%type vexpr {struct hr_sql_x}
vexpr(A) ::= primary(X). { A = X; }
vexpr(A) ::= DASH(T) vexpr(X). [UNARY] { A = hr_sql_unary(p, T, "-", X); }
vexpr(A) ::= PLUS(T) vexpr(X). [UNARY] { A = hr_sql_unary(p, T, "+", X); }
vexpr(A) ::= TILDE(T) vexpr(X). [UNARY] { A = hr_sql_unary(p, T, "~", X); }
vexpr(A) ::= vexpr(L) STAR vexpr(R). { A = hr_sql_binary(p, L, "*", R); }
vexpr(A) ::= vexpr(L) SLASH vexpr(R). { A = hr_sql_binary(p, L, "/", R); }
vexpr(A) ::= vexpr(L) PERCENT vexpr(R). { A = hr_sql_binary(p, L, "%", R); }
vexpr(A) ::= vexpr(L) DIV vexpr(R). { A = hr_sql_binary(p, L, "div", R); }
vexpr(A) ::= vexpr(L) PLUS vexpr(R). { A = hr_sql_binary(p, L, "+", R); }
vexpr(A) ::= vexpr(L) DASH vexpr(R). { A = hr_sql_binary(p, L, "-", R); }
vexpr(A) ::= vexpr(L) CONCAT vexpr(R). { A = hr_sql_binary(p, L, "||", R); }
vexpr(A) ::= vexpr(L) SHL vexpr(R). { A = hr_sql_binary(p, L, "<<", R); }
vexpr(A) ::= vexpr(L) SHR vexpr(R). { A = hr_sql_binary(p, L, ">>", R); }
vexpr(A) ::= vexpr(L) USHR vexpr(R). { A = hr_sql_binary(p, L, ">>>", R); }
vexpr(A) ::= vexpr(L) AMP vexpr(R). { A = hr_sql_binary(p, L, "&", R); }
vexpr(A) ::= vexpr(L) HAT vexpr(R). { A = hr_sql_binary(p, L, "^", R); }
vexpr(A) ::= vexpr(L) PIPE vexpr(R). { A = hr_sql_binary(p, L, "|", R); }
vexpr(A) ::= vexpr(L) EQ vexpr(R). { A = hr_sql_binary(p, L, "=", R); }
vexpr(A) ::= vexpr(L) NULL_SAFE_EQ vexpr(R). { A = hr_sql_binary(p, L, "<=>", R); }
vexpr(A) ::= vexpr(L) NE vexpr(R). { A = hr_sql_binary(p, L, "!=", R); }
vexpr(A) ::= vexpr(L) LT vexpr(R). { A = hr_sql_binary(p, L, "<", R); }
vexpr(A) ::= vexpr(L) LE vexpr(R). { A = hr_sql_binary(p, L, "<=", R); }
vexpr(A) ::= vexpr(L) GT vexpr(R). { A = hr_sql_binary(p, L, ">", R); }
vexpr(A) ::= vexpr(L) GE vexpr(R). { A = hr_sql_binary(p, L, ">=", R); }

%type primary {struct hr_sql_x}
%type operand {struct hr_sql_x}
primary(A) ::= names(N). { A = hr_sql_name_expr(p, N); }
primary(A) ::= operand(X). { A = X; }
operand(A) ::= operand(X) DOT ident(N). { A = hr_sql_field(p, X, N); }
operand(A) ::= primary(X) LB vexpr(I) RB(E). {
    struct hr_sql_x args[] = {X, I};
    A = hr_sql_call(p, X.pos, E->end, "[]", args, 2);
}
operand(A) ::= primary(X) DCOLON type(T). { A = hr_sql_cast(p, X, T, false, X.pos, T.end); }
operand(A) ::= LP(L) bexpr(X) RP(R). { A = hr_sql_paren(X, L, R); }
operand(A) ::= LP(L) exprs2(X) RP(R). { A = hr_sql_row(p, X, L, R); }
operand(A) ::= LP(L) query(Q) RP(R). [PREC_LOW] {
    A = hr_sql_subquery(p, HR_SUBQUERY_SCALAR, NULL, Q, L->pos, R->end);
}
operand(A) ::= INTEGER(T). [UNARY] { A = hr_sql_number(p, NULL, T); }
operand(A) ::= NUMBER(T). [UNARY] { A = hr_sql_number(p, NULL, T); }
operand(A) ::= DASH(M) INTEGER(T). [NUMBER] { A = hr_sql_number(p, M, T); }
operand(A) ::= DASH(M) NUMBER(T). [NUMBER] { A = hr_sql_number(p, M, T); }
operand(A) ::= STRING(T). { A = hr_sql_string_literal(p, T); }
operand(A) ::= HEX(T). { A = hr_sql_hex(p, T); }
operand(A) ::= TYPED(T). { A = hr_sql_typed(p, T); }
operand(A) ::= INTERVAL(T). { A = hr_sql_interval(p, T); }
operand(A) ::= QUESTION(T). {
    A = NO_X;
    hr_sql_unbound(p, T, NULL);
}
operand(A) ::= COLON(T) ident(N). {
    A = NO_X;
    hr_sql_unbound(p, T, N);
}
operand(A) ::= TRUE(T). { A = hr_sql_simple(p, T, 1); }
operand(A) ::= FALSE(T). { A = hr_sql_simple(p, T, 0); }
operand(A) ::= NULL(T). { A = hr_sql_simple(p, T, -1); }
operand(A) ::= CASE(C) whens(W) else(E) END(T). { A = hr_sql_case(p, C, NO_X, W, E, T); }
operand(A) ::= CASE(C) bexpr(X) whens(W) else(E) END(T). { A = hr_sql_case(p, C, X, W, E, T); }
%type whens {struct hr_sql_list *}
whens(A) ::= WHEN bexpr(C) THEN bexpr(V). { A = hr_sql_push(p, hr_sql_push(p, NULL, C), V); }
whens(A) ::= whens(L) WHEN bexpr(C) THEN bexpr(V). { A = hr_sql_push(p, hr_sql_push(p, L, C), V); }
%type else {struct hr_sql_x}
else(A) ::= . { A = NO_X; }
else(A) ::= ELSE bexpr(X). { A = X; }
operand(A) ::= CAST(C) LP bexpr(X) AS type(T) RP(R). {
    A = hr_sql_cast(p, X, T, false, C->pos, R->end);
}
operand(A) ::= TRY_CAST(C) LP bexpr(X) AS type(T) RP(R). {
    A = hr_sql_cast(p, X, T, true, C->pos, R->end);
}
operand(A) ::= EXTRACT(C) LP ident(F) FROM vexpr(X) RP(R). { A = hr_sql_extract(p, C, F, X, R); }
operand(A) ::= SUBSTRING(C) LP vexpr(X) FROM vexpr(F) RP(R). {
    struct hr_sql_x args[] = {X, F};
    A = hr_sql_call(p, C->pos, R->end, "substring", args, 2);
}
operand(A) ::= SUBSTRING(C) LP vexpr(X) FROM vexpr(F) FOR vexpr(N) RP(R). {
    struct hr_sql_x args[] = {X, F, N};
    A = hr_sql_call(p, C->pos, R->end, "substring", args, 3);
}
operand(A) ::= TRIM(C) LP trim_side(S) FROM vexpr(X) RP(R). {
    A = hr_sql_call(p, C->pos, R->end, S, &X, 1);
}
operand(A) ::= TRIM(C) LP trim_side(S) vexpr(Y) FROM vexpr(X) RP(R). {
    struct hr_sql_x args[] = {Y, X};
    A = hr_sql_call(p, C->pos, R->end, S, args, 2);
}
operand(A) ::= TRIM(C) LP vexpr(Y) FROM vexpr(X) RP(R). {
    struct hr_sql_x args[] = {Y, X};
    A = hr_sql_call(p, C->pos, R->end, "trim", args, 2);
}
%type trim_side {const char *}
trim_side(A) ::= BOTH. { A = "trim"; }
trim_side(A) ::= LEADING. { A = "ltrim"; }
trim_side(A) ::= TRAILING. { A = "rtrim"; }
operand(A) ::= POSITION(C) LP vexpr(X) IN vexpr(Y) RP(R). {
    struct hr_sql_x args[] = {X, Y};
    A = hr_sql_call(p, C->pos, R->end, "locate", args, 2);
}
operand(A) ::= OVERLAY(C) LP vexpr(X) PLACING vexpr(Y) FROM vexpr(F) RP(R). {
    struct hr_sql_x args[] = {X, Y, F};
    A = hr_sql_call(p, C->pos, R->end, "overlay", args, 3);
}
operand(A) ::= OVERLAY(C) LP vexpr(X) PLACING vexpr(Y) FROM vexpr(F) FOR vexpr(N) RP(R). {
    struct hr_sql_x args[] = {X, Y, F, N};
    A = hr_sql_call(p, C->pos, R->end, "overlay", args, 4);
}
operand(A) ::= call(X). { A = X; }
operand(A) ::= call(X) OVER window_spec(W). { A = hr_sql_over(p, X, W); }
%type window_spec {struct hr_sql_window *}
window_spec(A) ::= ident(N). { A = hr_sql_window_ref(p, N, N->pos, N->end); }
window_spec(A) ::= LP(L) window_base(B) partition(K) window_order(O) frame(F) RP(R). {
    A = hr_sql_window(p, B, K, O, F, L->pos, R->end);
}
%type window_base {const struct hr_sql_token *}
window_base(A) ::= . { A = NULL; }
window_base(A) ::= ident(N). { A = N; }
%type partition {struct hr_sql_list *}
partition(A) ::= . { A = NULL; }
partition(A) ::= PARTITION BY exprs(L). { A = L; }
partition(A) ::= DISTRIBUTE BY exprs(L). { A = L; }
partition(A) ::= CLUSTER BY exprs(L). { A = L; }
%type window_order {struct hr_sql_list *}
window_order(A) ::= . { A = NULL; }
window_order(A) ::= ORDER BY sort_keys(L). { A = L; }
window_order(A) ::= SORT BY sort_keys(L). { A = L; }
%type frame {struct hr_sql_frame}
frame(A) ::= . { A = (struct hr_sql_frame){0}; }
frame(A) ::= frame_unit(U) bound(L). {
    A = (struct hr_sql_frame){.unit = U, .lower = L, .upper = {.bound = HR_BOUND_CURRENT}};
}
frame(A) ::= frame_unit(U) BETWEEN bound(L) AND bound(H). {
    A = (struct hr_sql_frame){.unit = U, .lower = L, .upper = H};
}
%type frame_unit {enum hr_frame_unit}
frame_unit(A) ::= ROWS. { A = HR_FRAME_ROWS; }
frame_unit(A) ::= RANGE. { A = HR_FRAME_RANGE; }
%type bound {struct hr_sql_bound}
bound(A) ::= UNBOUNDED PRECEDING. {
    A = (struct hr_sql_bound){.bound = HR_BOUND_UNBOUNDED_PRECEDING};
}
bound(A) ::= UNBOUNDED FOLLOWING. {
    A = (struct hr_sql_bound){.bound = HR_BOUND_UNBOUNDED_FOLLOWING};
}
bound(A) ::= CURRENT ROW. { A = (struct hr_sql_bound){.bound = HR_BOUND_CURRENT}; }
bound(A) ::= vexpr(X) PRECEDING(T). { A = hr_sql_offset(p, HR_BOUND_PRECEDING, X, T); }
bound(A) ::= vexpr(X) FOLLOWING(T). { A = hr_sql_offset(p, HR_BOUND_FOLLOWING, X, T); }
%type call {struct hr_sql_x}
call(A) ::= names(N) LP args(L) RP(R). { A = hr_sql_function(p, N, false, L, R); }
call(A) ::= names(N) LP DISTINCT args1(L) RP(R). { A = hr_sql_function(p, N, true, L, R); }
call(A) ::= names(N) LP ALL args1(L) RP(R). { A = hr_sql_function(p, N, false, L, R); }
call(A) ::= call(X) FILTER LP WHERE bexpr(F) RP(R). { A = hr_sql_filter(p, X, F, R); }
call(A) ::= call(X) WITHIN GROUP LP ORDER BY sort_keys(L) RP(R). { A = hr_sql_within(p, X, L, R); }
call(A) ::= call(X) IGNORE NULLS(T). { A = hr_sql_ignore_nulls(p, X, T); }
call(A) ::= call(X) RESPECT NULLS. { A = hr_sql_plain_name(X); }

%type args {struct hr_sql_list *}
%type args1 {struct hr_sql_list *}
%type arg {struct hr_sql_x}
args(A) ::= . { A = NULL; }
args(A) ::= args1(L). { A = L; }
args1(A) ::= arg(X). { A = hr_sql_push(p, NULL, X); }
args1(A) ::= args1(L) COMMA arg(X). { A = hr_sql_push(p, L, X); }
arg(A) ::= bexpr(X). { A = X; }
arg(A) ::= bexpr(X) AS ident(N). { A = hr_sql_alias(p, X, hr_sql_push_name(p, NULL, N)); }
arg(A) ::= star(X). { A = X; }
arg(A) ::= ident(N) FAT_ARROW bexpr(X). { A = hr_sql_named_argument(p, N, X); }
arg(A) ::= LAMBDA_WORD(W) ARROW bexpr(B). {
    A = hr_sql_lambda(p, hr_sql_push_name(p, NULL, W), W->pos, B);
}
arg(A) ::= LAMBDA_LP(W) idents(L) RP ARROW bexpr(B). { A = hr_sql_lambda(p, L, W->pos, B); }

%type exprs {struct hr_sql_list *}
%type exprs2 {struct hr_sql_list *}
exprs(A) ::= bexpr(X). { A = hr_sql_push(p, NULL, X); }
exprs(A) ::= exprs(L) COMMA bexpr(X). { A = hr_sql_push(p, L, X); }
exprs2(A) ::= bexpr(X) COMMA bexpr(Y). { A = hr_sql_push(p, hr_sql_push(p, NULL, X), Y); }
exprs2(A) ::= exprs2(L) COMMA bexpr(X). { A = hr_sql_push(p, L, X); }

%code {
/* Would the grammar take this token with the stack as it is? Reductions are tried on a copy of
 * the states alone. */
static bool would_take(yyParser *parser, int token)
{
    YYACTIONTYPE stack[64];
    int depth = (int)(parser->yytos - parser->yystack), base = depth - 62, top = 0;
    if (base < 0) base = 0;
    for (int i = base; i <= depth; i++) stack[top++] = parser->yystack[i].stateno;
    top--;
    for (int steps = 0; steps < 200; steps++) {
        YYACTIONTYPE act = yy_find_shift_action((YYCODETYPE)token, stack[top]);
        if (act == YY_ERROR_ACTION) return false;
        if (act < YY_MIN_REDUCE) return true; /* shift or accept */
        unsigned rule = act - YY_MIN_REDUCE;
        top += yyRuleInfoNRhs[rule];
        if (top < 0) return false;
        act = yy_find_reduce_action(stack[top], (YYCODETYPE)yyRuleInfoLhs[rule]);
        if (top + 1 >= (int)(sizeof stack / sizeof stack[0])) return false;
        stack[++top] = act;
    }
    return false;
}

static void hr_sql_syntax_hints(yyParser *parser, struct hr_sql_parser *p)
{
    static const int candidates[] = {HR_TK_RP, HR_TK_RB, HR_TK_JOIN};
    p->end_is_fine = would_take(parser, 0);
    p->expected = 0;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (would_take(parser, candidates[i])) p->expected = candidates[i];
    }
    if (p->end_is_fine) p->expected = 0;
}

size_t hr_sql_lemon_size(void)
{
    return sizeof(yyParser);
}
}
