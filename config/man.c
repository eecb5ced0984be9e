/* The manual page, in the man macros of troff. */

#include <ctype.h>
#include <string.h>

#include "config/parts/internal.h"

/* Text as troff reads it: hyphens that can be copied, no escapes, nothing that is a request because
 * it is at the start of a line. Line breaks of the text go. */
static void print_text(const char *text, size_t size, FILE *out)
{
    if (size && (*text == '.' || *text == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < size && text[i]; i++)
        switch (text[i]) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '\n':
            fputc(' ', out);
            break;
        case '|': /* a long list of choices may be broken after each */
            fputs("|\\:", out);
            break;
        default:
            fputc(text[i], out);
        }
}

static void print_line(const char *text, FILE *out)
{
    print_text(text, strlen(text), out);
    fputc('\n', out);
}

/* Paragraphs are separated by empty lines; an indented line stays a line of its own. */
static void print_paragraphs(const char *text, FILE *out)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n == 0)
            fputs(".PP\n", out);
        else {
            if (*text == ' ')
                fputs(".br\n", out);
            print_text(text + strspn(text, " "), n - strspn(text, " "), out);
            fputc('\n', out);
        }
        text += n + (text[n] == '\n');
    }
}

/* "pix2pix translate" is the page PIX2PIX-TRANSLATE. */
static void print_title(const struct px_option_table *table, FILE *out)
{
    const char *program = table->program;

    fputs(".TH \"", out);
    for (const char *p = program; *p; p++)
        fputc(*p == ' ' ? '-' : toupper((unsigned char)*p), out);
    fprintf(out, "\" \"1\" \"\" \"%.*s %s\" \"User Commands\"\n", (int)strcspn(program, " "),
            program, PX_VERSION);
    fputs(".nh\n.ad l\n.SH NAME\n", out);
    for (const char *p = program; *p; p++)
        fputs(*p == ' ' || *p == '-' ? "\\-" : (const char[]){*p, 0}, out);
    fputs(" \\- ", out);
    print_line(table->summary ? table->summary : program, out);
}

static void print_option(const struct px_option *row, FILE *out)
{
    const char *value = px_option_placeholder(row);
    char text[1024];

    fputs(".TP\n", out);
    if (row->short_name)
        fprintf(out, "\\fB\\-%c\\fR, ", row->short_name);
    fputs("\\fB\\-\\-", out);
    print_text(row->name, strlen(row->name), out);
    fputs("\\fR", out);
    if (value[0]) {
        fputs(" \\fI", out);
        print_text(value, strlen(value), out);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    px_option_describe(row, text, sizeof text);
    if (text[0])
        print_line(text + strspn(text, " "), out);
}

static void print_options(const struct px_option_table *table, FILE *out)
{
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].heading) {
            fputs(".SS ", out);
            print_line(table->rows[i].heading, out);
        }
        print_option(&table->rows[i], out);
    }
    fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow a short help; \\-\\-help=man prints this "
          "page\n.TP\n\\fB\\-\\-version\\fR\nShow the version\n",
          out);
}

void px_options_man(const struct px_option_table *table, FILE *out)
{
    print_title(table, out);
    fputs(".SH SYNOPSIS\n.B ", out);
    print_line(table->program, out);
    if (table->usage)
        print_line(table->usage, out);
    if (table->description) {
        fputs(".SH DESCRIPTION\n", out);
        print_paragraphs(table->description, out);
    }
    print_options(table, out);
    if (table->environment) {
        fputs(".SH ENVIRONMENT\nEvery option \\fB\\-\\-some\\-name\\fR is also read from the "
              "variable \\fB",
              out);
        print_text(table->environment, strlen(table->environment), out);
        fputs("SOME_NAME\\fR. The command line wins over variables, and they win over a file.\n",
              out);
    }
    fputs(".SH EXIT STATUS\n.TP\n0\nSuccess\n.TP\n1\nFailure\n.TP\n2\nWrong usage\n.TP\n130\n"
          "Interrupted by a signal\n",
          out);
}
