/** Paths as they come over the wire and stand in configuration. */
import * as z from 'zod';

/** An absolute path that needs no quoting anywhere: not in a unit, not in an environment file. */
export const plainPath = z
  .string()
  .max(512)
  .regex(/^\/[A-Za-z0-9._/@+-]*[A-Za-z0-9._@+-]$/, {
    error: 'is no path here: absolute, with only letters, digits and . _ / @ + -',
    abort: true,
  })
  .refine((path) => !/\/(\.{0,2})(\/|$)/.test(path), 'is no path here: . and .. and // may not be in it');
