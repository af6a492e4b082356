/*
 * Which JSON reader: cJSON or jansson, on the message that the bench publishes. Parse,
 * six look-ups, free; the least of five rounds counts.
 *
 *   apt-get install libcjson-dev libjansson-dev
 *   cc -O2 -D_GNU_SOURCE tests/bench/bench_json.c -o build/bench_json -lcjson -ljansson
 *   build/bench_json [MESSAGES]
 */
#include <cjson/cJSON.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, KEYS = 6 };

static const char message[] = "{\"pm25\":35.2,\"pm10\":60.1,\"temperature\":28.4,"
			      "\"humidity\":71.2,\"rain\":0.2,\"seq\":123456}";
static const char *const keys[KEYS] = { "pm25", "pm10", "temperature", "humidity", "rain",
	"seq" };
static const double wanted = 35.2 + 60.1 + 28.4 + 71.2 + 0.2 + 123456;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double with_cjson(size_t length)
{
	cJSON *root = cJSON_ParseWithLength(message, length);
	double sum = 0;

	for (int i = 0; i < KEYS; i++)
		sum += cJSON_GetObjectItemCaseSensitive(root, keys[i])->valuedouble;
	cJSON_Delete(root);
	return sum;
}

static double with_jansson(size_t length)
{
	json_t *root = json_loadb(message, length, 0, NULL);
	double sum = 0;

	for (int i = 0; i < KEYS; i++)
		sum += json_number_value(json_object_get(root, keys[i]));
	json_decref(root);
	return sum;
}

/* ns per message, the least of all rounds. */
static double measure(double (*read)(size_t length), long messages)
{
	double least = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();
		for (long i = 0; i < messages; i++)
			if (read(sizeof message - 1) != wanted)
				exit(1);
		double each = (now_ns() - start) / (double)messages;
		least = each < least ? each : least;
	}
	return least;
}

int main(int argc, char **argv)
{
	long messages = argc > 1 ? strtol(argv[1], NULL, 10) : 300000;
	double cjson = measure(with_cjson, messages);
	double jansson = measure(with_jansson, messages);

	printf("message of %zu bytes, %d look-ups, %ld times\n", sizeof message - 1, KEYS,
		messages);
	printf("cJSON %s: %.0f ns\n", cJSON_Version(), cjson);
	printf("jansson %s: %.0f ns\n", JANSSON_VERSION, jansson);
	printf("jansson / cJSON: %.2f\n", jansson / cjson);
	return 0;
}
