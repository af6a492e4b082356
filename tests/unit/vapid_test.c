/* The key pair and its tokens, which Node.js verifies in tests/scenarios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/vapid.h"
#include "core/base64.h"

static char folder[64], file[96], public[VAPID_PUBLIC_SIZE], why[256];

static int set_up(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof folder, "/tmp/muabui-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/vapid.pem", folder);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	unlink(file);
	rmdir(folder);
	return 0;
}

static void test_generate(void **unused)
{
	char other[VAPID_PUBLIC_SIZE];
	struct stat info;

	(void)unused;
	assert_true(vapid_generate(file, public, why, sizeof why));
	assert_int_equal(strlen(public), 87);
	assert_int_equal(stat(file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* The key of all subscriptions is never written over. */
	assert_false(vapid_generate(file, other, why, sizeof why));
	assert_non_null(strstr(why, "is there already"));
	struct vapid *vapid = vapid_load(file, "mailto:a@b.example", why, sizeof why);
	assert_non_null(vapid);
	assert_string_equal(vapid_public(vapid), public);
	vapid_free(vapid);
}

static void test_header(void **unused)
{
	static const char begin[] = "Authorization: vapid t=";
	uint8_t claims[512];
	struct buffer header;

	(void)unused;
	assert_true(vapid_generate(file, public, why, sizeof why));
	struct vapid *vapid = vapid_load(file, "mailto:a@b.example", why, sizeof why);
	assert_non_null(vapid);
	buffer_init(&header, VAPID_HEADER_MAX);
	assert_true(vapid_header(vapid, "https://push.example.net", 1453523768, &header));
	const char *text = buffer_text(&header);
	assert_memory_equal(text, begin, sizeof begin - 1);
	const char *middle = strchr(text, '.') + 1;
	ptrdiff_t length =
		base64url_decode(middle, strcspn(middle, "."), claims, sizeof claims - 1);
	assert_true(length > 0);
	claims[length] = '\0';
	cJSON *json = cJSON_Parse((const char *)claims);
	assert_string_equal(cJSON_GetObjectItem(json, "aud")->valuestring,
		"https://push.example.net");
	assert_string_equal(
		cJSON_GetObjectItem(json, "sub")->valuestring, "mailto:a@b.example");
	double life = cJSON_GetObjectItem(json, "exp")->valuedouble - 1453523768;
	assert_true(life > 0 && life <= 24 * 3600);
	assert_non_null(strstr(text, ", k="));
	assert_string_equal(strstr(text, ", k=") + 4, public);
	cJSON_Delete(json);
	buffer_free(&header);
	vapid_free(vapid);
}

static void test_not_a_key(void **unused)
{
	FILE *out = fopen(file, "w");

	(void)unused;
	assert_null(
		vapid_load("/nowhere/vapid.pem", "mailto:a@b.example", why, sizeof why));
	assert_non_null(strstr(why, "/nowhere/vapid.pem"));
	fputs("no key\n", out);
	fclose(out);
	assert_null(vapid_load(file, "mailto:a@b.example", why, sizeof why));
	assert_non_null(strstr(why, file));
	assert_null(strstr(why, "no key"));
	assert_false(vapid_generate("/nowhere/vapid.pem", public, why, sizeof why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_header, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_key, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
