/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentiment: the feelings of an English text's words (sentiment.def), added up and brought between
 * -1 and 1. A negation up to three words before turns a feeling round and weakens it, an
 * intensifier just before strengthens or weakens it, '!' at the end strengthens the whole.
 */
#include <math.h>

#include "expr/functions/functions.h"
#include "expr/internal.h"

#define WORD_MAX 24
#define REACH    3     /* words that a negation reaches over */
#define TURN     -0.74 /* what it makes of a feeling */
#define BOOST    1.3
#define DAMPEN   0.7
#define SHOUT    0.3 /* of each '!', three at most */
#define SPREAD   15  /* how slowly the sum comes near 1 */

struct feeling {
    const char *word;
    double value;
};

static const struct feeling lexicon[] = {
#define X(word, value) {word, value},
#include "expr/functions/sentiment.def"
#undef X
};

static double feeling_of(const char *word)
{
    size_t low = 0, high = HR_COUNT(lexicon);
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(word, lexicon[mid].word);
        if (order == 0) return lexicon[mid].value;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return 0;
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

static bool negates(const char *word)
{
    static const char *const words[] = {"not",     "no",     "never",  "none",    "neither", "nor",
                                        "nothing", "hardly", "barely", "without", "cannot"};
    size_t len = strlen(word);
    return is_one_of(word, words, HR_COUNT(words)) ||
           (len > 3 && strcmp(word + len - 3, "n't") == 0);
}

static double strength(const char *word)
{
    static const char *const more[] = {"very",       "really",     "so",
                                       "extremely",  "totally",    "absolutely",
                                       "incredibly", "completely", "especially"};
    static const char *const less[] = {"slightly", "somewhat", "barely", "partly", "almost"};
    if (is_one_of(word, more, HR_COUNT(more))) return BOOST;
    return is_one_of(word, less, HR_COUNT(less)) ? DAMPEN : 1;
}

/* The next word in lower case; what is longer than any known one is cut. */
static bool next_word(const char **at, const char *end, char *word)
{
    size_t len = 0;
    const char *p = *at;
    while (p < end && !((*p | 32) >= 'a' && (*p | 32) <= 'z')) p++;
    if (p == end) return false;
    for (; p < end && (((*p | 32) >= 'a' && (*p | 32) <= 'z') || *p == '\''); p++)
        if (len + 1 < WORD_MAX) word[len++] = *p == '\'' ? '\'' : (char)(*p | 32);
    word[len] = 0;
    *at = p;
    return true;
}

static double feel(struct hr_str_view text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    char word[WORD_MAX];
    double sum = 0, by = 1;
    int since = REACH + 1, shouts = 0;
    while (next_word(&at, end, word)) {
        double value = feeling_of(word);
        if (value != 0) sum += value * by * (since <= REACH ? TURN : 1);
        since = negates(word) ? 1 : since + 1;
        by = strength(word);
    }
    for (const char *p = end; p > text.ptr && (p[-1] == '!' || p[-1] == ' '); p--)
        shouts += p[-1] == '!';
    if (sum != 0) sum += (sum > 0 ? SHOUT : -SHOUT) * HR_MIN(shouts, 3);
    return sum / sqrt(sum * sum + SPREAD);
}

hr_status hr_fn_sentiment(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row) {
        HR_OUT(double, out)[row] = feel(hr_arg_str(&args[0], row));
    }
    return HR_OK;
}
