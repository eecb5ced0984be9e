/* Trainings that start from a checkpoint, and what checkpoints say about themselves. */

#include "tests/trainer/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/checkpoint/card.h"
#include "model/checkpoint/discriminator.h"

static void test_init(void **state)
{
    struct run run;
    struct px_checkpoint *a, *b, *c;
    (void)state;

    train(&run, in("base.safetensors"), MORE("--save-epoch-freq", "2"), 0);
    assert_done(&run);
    assert_int_equal(access(in("base.epochs/base_002.safetensors"), F_OK), 0);
    assert_int_equal(access(in("base.epochs/base_003.safetensors"), F_OK), -1);
    assert_same_file(in("base.epochs/base_004.safetensors"), in("base.safetensors"));

    train(&run, in("tuned.safetensors"),
          MORE("--init", in("base.safetensors"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run); /* a rate of 0 leaves what it started from */
    const struct px_tensor *from = first_weight(&a, in("base.safetensors"));
    const struct px_tensor *to = first_weight(&b, in("tuned.safetensors"));
    assert_memory_equal(from->data, to->data, from->bytes);
    train(&run, in("other.safetensors"), MORE("--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_memory_not_equal(from->data, first_weight(&c, in("other.safetensors"))->data,
                            from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    px_checkpoint_close(c);

    struct px_error err = {0}; /* the same from PyTorch's file */
    assert_int_equal(px_checkpoint_open(&a, in("base.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_save_pth(in("base.pth"), a, PX_F32, &err), 0);
    train(&run, in("torch.safetensors"),
          MORE("--init", in("base.pth"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run);
    from = px_checkpoint_tensor(a, 0, PX_ROLE_WEIGHT);
    assert_memory_equal(from->data, first_weight(&b, in("torch.safetensors"))->data, from->bytes);
    px_checkpoint_close(a);
    px_checkpoint_close(b);
    train(&run, in("wrong.safetensors"), MORE("--init", in("base.pth"), "--norm", "instance"), 0);
    assert_one_line(&run, 2, "base.pth: holds another network than the options describe");
    assert_non_null(strstr(run.err, "--norm batch"));
    train(&run, in("wrong.safetensors"), MORE("--init", in("data/val/000.png")), 0);
    assert_one_line(&run, 1, "000.png: ");

    train(&run, in("wrong.safetensors"), MORE("--init", in("base.safetensors"), "--ngf", "8"), 0);
    assert_one_line(&run, 2, "give --netG unet_32 --ngf 4 ");
    train(&run, in("wrong.safetensors"), MORE("--init", in("nowhere.safetensors")), 0);
    assert_one_line(&run, 1, "nowhere.safetensors");
}

/* A discriminator moves to PyTorch's format and back into a training. */
static void test_init_D(void **state)
{
    struct run run;
    struct px_discriminator *before, *after;
    struct px_error err = {0};
    (void)state;

    assert_int_equal(px_discriminator_open(&before, in("base.state"), NULL, &err), 0);
    assert_int_equal(px_discriminator_save_pth(in("D.pth"), before, PX_DTYPE_AUTO, &err), 0);
    train(&run, in("both.safetensors"),
          MORE("--init", in("base.pth"), "--init-D", in("D.pth"), "--lr", "0", "--seed", "5"), 0);
    assert_done(&run); /* a rate of 0 changes statistics, but no weights */
    assert_int_equal(px_discriminator_open(&after, in("both.state"), NULL, &err), 0);
    const struct px_tensor_list *want = px_discriminator_list(before);
    const struct px_tensor_list *got = px_discriminator_list(after);
    assert_int_equal(got->count, want->count);
    size_t compared = 0;
    for (size_t i = 0; i < want->count; i++) {
        assert_string_equal(got->tensors[i].name, want->tensors[i].name);
        if (want->tensors[i].ndim != 4)
            continue;
        assert_memory_equal(got->tensors[i].data, want->tensors[i].data, want->tensors[i].bytes);
        compared++;
    }
    assert_true(compared >= 3);
    px_discriminator_close(before);
    px_discriminator_close(after);
    train(&run, in("wrong.safetensors"), MORE("--init-D", in("D.pth"), "--ndf", "5"), 0);
    assert_one_line(&run, 2, "holds another discriminator than the options describe");
    train(&run, in("wrong.safetensors"),
          MORE("--init-D", in("D.pth"), "--netD", "n_layers", "--n-layers-D", "1"), 0);
    assert_one_line(&run, 2, "holds another discriminator than the options describe");
    train(&run, in("wrong.safetensors"), MORE("--init-D", in("base.safetensors")), 0);
    assert_one_line(&run, 1, "holds no known discriminator");
}

static void expect_card(const char *path, const char *expected)
{
    struct px_checkpoint *checkpoint;
    struct px_card *card;
    struct px_error err = {0};

    assert_int_equal(px_checkpoint_open(&checkpoint, path, &err), 0);
    assert_int_equal(px_card_create(&card, &err), 0);
    assert_int_equal(px_card_add_model(card, checkpoint, path, &err), 0);
    char *text = px_card_json(card);
    assert_string_equal(text, expected);
    free(text);
    px_card_destroy(card);
    px_checkpoint_close(checkpoint);
}

static void save_text(const char *path, const char *text)
{
    assert_int_equal(px_file_save(path, text, strlen(text), NULL), 0);
}

static void test_card(void **state)
{
    static const char meta[] = "{\"title\": \"a\", \"line_width\": 3, \"author\": 1}";
    struct run run;
    (void)state;

    save_text(in("meta.json"), meta);
    train(&run, in("card.safetensors"),
          MORE("--meta", in("meta.json"), "--title", "b", "--input-kind", "lines"), 0);
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.err, "meta.json: the key 'author' is not known and ignored\n"));
    expect_card(in("card.safetensors"), "{\"title\":\"b\",\"input\":\"lines\",\"line_width\":3}");

    save_text(in("card.json"), "{\"description\": \"d\", \"line_width\": null}");
    train(&run, in("again.safetensors"),
          MORE("--init", in("card.safetensors"), "--title", "c", "--n-epochs", "0"), 0);
    assert_done(&run); /* what is beside the file counts, too */
    expect_card(in("again.safetensors"),
                "{\"title\":\"c\",\"description\":\"d\",\"input\":\"lines\"}");

    train(&run, in("again.safetensors"),
          MORE("--continue-train", "--input-kind", "labels", "--n-epochs", "0"), 0);
    assert_done(&run); /* the state knows the rest */
    expect_card(in("again.safetensors"),
                "{\"title\":\"c\",\"description\":\"d\",\"input\":\"labels\"}");

    train(&run, in("wrong.safetensors"), MORE("--title", "a\nb"), 0);
    assert_one_line(&run, 2, "--title: 'a?b' has line breaks");
    save_text(in("meta.json"), "{\"input\": \"sketch\"}");
    train(&run, in("wrong.safetensors"), MORE("--meta", in("meta.json")), 0);
    assert_one_line(&run, 1, "meta.json: input: 'sketch' is not known");
    assert_int_equal(access(in("wrong.state"), F_OK), -1);
}

/* int8 weights are worth what they stand for. */
static void test_init_int8(void **state)
{
    struct run run;
    struct px_checkpoint *plain, *int8, *tuned;
    struct px_int8_choice choice = {.others = PX_F32};
    struct px_error err = {0};
    float scales[64], want[8 * 4 * 16];
    (void)state;

    for (int i = 0; i < 64; i++)
        scales[i] = 0.01f * (float)(1 + i % 3);
    choice.input_scales[1] = scales; /* 4 to 8 channels */
    train(&run, in("plain.safetensors"), MORE("--lr", "0", "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&plain, in("plain.safetensors"), &err), 0);
    assert_int_equal(px_checkpoint_quantise(&int8, plain, &choice, &err), 0);
    assert_int_equal(
        px_checkpoint_store(in("int8.safetensors"), int8, NULL, 0, PX_DTYPE_AUTO, &err), 0);
    train(&run, in("tuned8.safetensors"),
          MORE("--init", in("int8.safetensors"), "--lr", "0", "--seed", "5", "--n-epochs", "0"), 0);
    assert_done(&run);
    assert_int_equal(px_checkpoint_open(&tuned, in("tuned8.safetensors"), &err), 0);
    const struct px_tensor *got = px_checkpoint_tensor(tuned, 1, PX_ROLE_WEIGHT);
    assert_int_equal(got->bytes, sizeof want);
    px_checkpoint_weights(int8, 1, want);
    assert_memory_equal(got->data, want, sizeof want);
    px_checkpoint_close(int8);
    px_checkpoint_close(plain);
    px_checkpoint_close(tuned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("a training starts from a checkpoint of the same network", test_init),
        CHECK("starts from a discriminator of PyTorch, too", test_init_D),
        CHECK("or from an int8 one", test_init_int8),
        CHECK("title and other things for people are stored, kept and inherited", test_card),
    };
    return run_program_tests(tests, sizeof tests / sizeof *tests);
}
