#include "derive/catch.h"

static double factor_of_turning(const struct rain_config *config, double intensity)
{
	static const double loss_max = 0.5;
	double seconds = (double)config->turn_time / 1000;
	double loss = intensity * seconds / (3600 * config->tip);

	return 1 / (1 - (loss < loss_max ? loss : loss_max));
}

static double factor_of_curve(
	const struct rain_catch *rows, size_t count, double intensity)
{
	size_t at = 0;

	while (at < count && rows[at].intensity < intensity)
		at++;
	if (at == 0)
		return rows[0].factor;
	if (at == count)
		return rows[count - 1].factor;
	const struct rain_catch *low = &rows[at - 1], *high = &rows[at];
	double share = (intensity - low->intensity) / (high->intensity - low->intensity);
	return low->factor + share * (high->factor - low->factor);
}

double catch_factor(const struct rain_config *config, double intensity)
{
	if (config->undercatch.count > 0)
		return factor_of_curve(
			config->undercatch.items, config->undercatch.count, intensity);
	if (config->turn_time > 0 && config->tip > 0)
		return factor_of_turning(config, intensity);
	return 1;
}
