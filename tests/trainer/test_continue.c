/* A training that is continued, with the same schedule or another. */

#include "tests/trainer/program.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/formats/safetensors.h"

static void test_epoch_count(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    (void)state;

    train(&run, in("late.safetensors"), MORE("--epoch-count", "3"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "End of epoch 2 /"));
    assert_non_null(strstr(run.out, "End of epoch 3 / 4"));
    assert_non_null(strstr(run.out, "lr 0.0000667")); /* the last epoch's, not 0 */
    assert_int_equal(px_checkpoint_open(&checkpoint, in("late.safetensors"), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch"), "4");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch_count"), "3");
    px_checkpoint_close(checkpoint);
    train(&run, in("late.safetensors"), MORE("--epoch-count", "3", "--continue-train"), 0);
    assert_done(&run);
    train(&run, in("late.safetensors"), MORE("--continue-train"), 0); /* the state knows */
    assert_done(&run);
}

/* As users of the reference go on: --continue_train --epoch_count N, to train longer too. */
static void test_next_epoch(void **state)
{
    struct run run;
    struct px_error err = {0};
    struct px_checkpoint *checkpoint;
    const struct px_tensor *a, *b;
    struct px_checkpoint *one, *other;
    (void)state;

    train(&run, in("next0.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step"), 0);
    assert_done(&run);
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "2", "--n-epochs-decay", "0", "--lr-policy", "step"), 0);
    assert_done(&run);
    train(
        &run, in("next.safetensors"),
        MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step", "--continue-train"),
        0);
    assert_one_line(&run, 2, "--epoch-count with the next epoch's number");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step",
               "--continue_train", "--epoch_count", "2"),
          0);
    assert_one_line(&run, 2, "has epoch 2 behind it: give 3, or leave it out");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step", "--ngf", "8",
               "--continue_train", "--epoch_count", "3"),
          0);
    assert_one_line(&run, 2, "ngf 4, now it is 8");
    train(&run, in("next.safetensors"),
          MORE("--n-epochs", "3", "--n-epochs-decay", "0", "--lr-policy", "step",
               "--continue_train", "--epoch_count", "3"),
          0);
    assert_done(&run);
    a = first_weight(&one, in("next0.safetensors")); /* as if it had always been three epochs */
    b = first_weight(&other, in("next.safetensors"));
    assert_memory_equal(a->data, b->data, a->bytes);
    px_checkpoint_close(one);
    px_checkpoint_close(other);
    assert_steps_once("next.metrics.jsonl", 3);

    train(&run, in("next.safetensors"), /* jumps to epoch 6, with another policy */
          MORE("--n-epochs", "6", "--n-epochs-decay", "1", "--lr-policy", "plateau",
               "--continue-train", "--epoch-count", "6"),
          0);
    assert_done(&run);
    assert_null(strstr(run.out, "End of epoch 5 / 7"));
    assert_non_null(strstr(run.out, "End of epoch 6 / 7"));
    train(&run, in("next.safetensors"), /* the same again, or without the number */
          MORE("--n-epochs", "6", "--n-epochs-decay", "1", "--lr-policy", "plateau",
               "--continue-train"),
          0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&checkpoint, in("next.safetensors"), &err), 0);
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch"), "7");
    assert_string_equal(px_metadata_find(px_checkpoint_list(checkpoint), "epoch_count"), "6");
    px_checkpoint_close(checkpoint);
}

/* Turns a state into one of the first version, which noted no rule of its rates. */
static void make_old(const char *name)
{
    struct px_safetensors *file;
    struct px_metadata kept[80];
    struct px_error err = {0};
    char path[256];
    size_t n = 0;

    snprintf(path, sizeof path, "%s", in(name));
    assert_int_equal(px_safetensors_open(&file, path, &err), 0);
    const struct px_tensor_list *list = px_safetensors_list(file);
    assert_true(list->metadata_count <= 80);
    for (size_t i = 0; i < list->metadata_count; i++)
        if (strcmp(list->metadata[i].key, "schedule") != 0)
            kept[n++] = list->metadata[i];
    assert_int_equal(n + 1, list->metadata_count);
    assert_int_equal(px_safetensors_save(path, list->tensors, list->count, kept, n, &err), 0);
    px_safetensors_close(file);
}

static void test_old_rates(void **state)
{
    struct run run;
    (void)state;

    start(&run, in("old.safetensors"), MORE("--n-epochs", "60"), 0);
    wait_for(in("old.state"));
    kill(run.pid, SIGINT);
    finish(&run);
    assert_one_line(&run, 130, "--continue-train");
    make_old("old.state");
    train(&run, in("old.safetensors"), MORE("--n-epochs", "60", "--continue-train"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "learning rates of an older version, one epoch early"));
    assert_non_null(strstr(run.out, "End of epoch 62 / 62"));
    assert_non_null(strstr(strstr(run.out, "End of epoch 62 / 62"), "lr 0.0000000"));
    train(&run, in("old.safetensors"), MORE("--n-epochs", "60", "--continue-train"), 0);
    assert_done(&run); /* and remembers */
    assert_non_null(strstr(run.out, "one epoch early"));
    train(&run, in("old.safetensors"),
          MORE("--n-epochs", "62", "--continue-train", "--epoch-count", "63"), 0);
    assert_done(&run);
    assert_null(strstr(run.out, "one epoch early"));
    assert_non_null(strstr(strstr(run.out, "End of epoch 63 / 64"), "lr 0.0001333"));
    assert_non_null(strstr(strstr(run.out, "End of epoch 64 / 64"), "lr 0.0000667"));
}

/* A single epoch has a rate. */
static void test_one_epoch(void **state)
{
    struct run run;
    struct px_checkpoint *trained, *drawn;
    (void)state;

    train(&run, in("single.safetensors"), MORE("--n-epochs", "1", "--n-epochs-decay", "0"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "lr 0.0002000"));
    train(&run, in("drawn.safetensors"),
          MORE("--n-epochs", "1", "--n-epochs-decay", "0", "--lr", "0"), 0);
    assert_done(&run);
    const struct px_tensor *a = first_weight(&trained, in("single.safetensors"));
    const struct px_tensor *b = first_weight(&drawn, in("drawn.safetensors"));
    assert_memory_not_equal(a->data, b->data, a->bytes);
    px_checkpoint_close(trained);
    px_checkpoint_close(drawn);
}

/* Going back to a kept epoch ends in the same bytes as if nothing had come after it. */
static void test_kept_states(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("kept.safetensors"), MORE("--save-epoch-freq", "1", "--keep-states", "2"), 0);
    assert_done(&run);
    assert_int_equal(access(in("kept.epochs/kept_002.state"), F_OK), -1);
    assert_int_equal(access(in("kept.epochs/kept_003.state"), F_OK), 0);
    assert_same_file(in("kept.epochs/kept_004.state"), in("kept.state"));
    assert_int_equal(rename(in("kept.safetensors"), in("first.safetensors")), 0);
    assert_int_equal(rename(in("kept.state"), in("first.state")), 0);
    assert_int_equal(rename(in("first.state"), in("kept.state")), 0);

    train(&run, in("kept.safetensors"), MORE("--continue-train", "--epoch", "2"), 0);
    assert_one_line(&run, 1, "kept_002.state: not there, so epoch 2 cannot be continued");
    train(&run, in("kept.safetensors"), MORE("--epoch", "3"), 0);
    assert_one_line(&run, 2, "--epoch 3 needs --continue-train");
    train(&run, in("kept.safetensors"), MORE("--continue-train", "--epoch=3"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "Continuing after 30 of 40 steps (epoch 4)"));
    assert_null(strstr(run.out, "End of epoch 3"));
    assert_same_file(in("kept.safetensors"), in("first.safetensors"));
    assert_steps_once("kept.metrics.jsonl", 4);
    train(&run, in("kept.safetensors"), /* another schedule from there */
          MORE("--continue-train", "--epoch", "3", "--epoch-count", "4", "--n-epochs", "5"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "End of epoch 7 / 7"));
    train(&run, in("kept.safetensors"), MORE("--keep-states", "1", "--save-epoch-freq", "0"), 0);
    assert_one_line(&run, 2, "--keep-states 1 needs --save-epoch-freq");
}

/* A best generator of an epoch that is left behind is not the best any more. */
static void test_lost_best(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("lost.safetensors"),
          MORE("--save-epoch-freq", "1", "--keep-states", "9", "--lr", "0.002"), 0);
    assert_done(&run);
    assert_non_null(strstr(strstr(run.out, "End of epoch 4 / 4"), "(best)"));
    train(&run, in("lost.safetensors"),
          MORE("--continue-train", "--epoch", "1", "--epoch-count", "2", "--lr", "0"), 0);
    assert_done(&run);
    assert_non_null(strstr(run.out, "The best generator so far is of a later epoch"));
    assert_non_null(strstr(strstr(run.out, "End of epoch 2 / 4"), "(best)"));
}

/* More pairs are another training. */
static void test_more_pairs(void **state)
{
    struct run run;
    (void)state;

    train(&run, in("more.safetensors"), MORE("--n-epochs", "0", "--max-dataset-size", "0"), 0);
    assert_done(&run);
    make_data("eleven", 11);
    train(&run, in("more.safetensors"),
          MORE("--n-epochs", "0", "--continue-train", "--data", in("eleven")), 0);
    assert_one_line(&run, 2, "began with pairs 10, now it is 11");
    assert_non_null(strstr(run.err, "start anew from the generator with --init"));
}

/* At such rates nothing stays finite. What was saved before is good, and the message says how to go
 * on from it. */
static void test_diverges(void **state)
{
    struct run run;
    struct px_safetensors *file;
    struct px_error err = {0};
    (void)state;

    train(&run, in("wild.safetensors"),
          MORE("--lr", "1", "--gan-mode", "lsgan", "--lambda-L1", "1e6", "--norm", "none",
               "--init-gain", "100", "--n-epochs", "50"),
          0);
    assert_one_line(&run, 1, "diverged");
    assert_non_null(strstr(run.err, "nothing was saved yet: start again with a smaller --lr"));
    assert_int_equal(access(in("wild.safetensors"), F_OK), -1);

    train(&run, in("fast.safetensors"),
          MORE("--gan-mode", "wgangp", "--norm", "none", "--init-gain", "0.5"), 0);
    assert_done(&run);
    train(&run, in("fast.safetensors"),
          MORE("--gan-mode", "wgangp", "--norm", "none", "--init-gain", "0.5", "--n-epochs", "500",
               "--continue-train", "--epoch-count", "5", "--lr", "1"),
          0);
    assert_one_line(&run, 1, "the files keep the last good state");
    assert_non_null(strstr(run.err, "--continue-train --epoch-count "));
    assert_int_equal(px_safetensors_open(&file, in("fast.state"), &err), 0);
    const struct px_tensor_list *list = px_safetensors_list(file);
    for (size_t i = 0; i < list->count; i++) {
        const float *values = list->tensors[i].data;
        for (size_t k = 0;
             list->tensors[i].dtype == PX_F32 && k < px_tensor_count(&list->tensors[i]); k++)
            assert_true(isfinite(values[k]));
    }
    px_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a schedule can begin in its middle", test_epoch_count),
        CHECK("--continue-train with --epoch-count goes on there, also with another schedule",
              test_next_epoch),
        CHECK("a training of the first version keeps its rates, and says so", test_old_rates),
        CHECK("a training of one epoch trains", test_one_epoch),
        CHECK("--epoch goes back to a kept epoch, and ends in the same bytes", test_kept_states),
        CHECK("a best generator that is left behind is not the best", test_lost_best),
        CHECK("continuing with more pairs names --init", test_more_pairs),
        CHECK("a training that diverges stops and keeps the last good state", test_diverges),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
