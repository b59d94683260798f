/** @file A network whose numbers are not finite draws nothing: its pictures would be black, and count as pictures. */
import { AppError, Unprocessable } from '../errors.ts';

/** For a network that was asked for pictures. It crosses processes as other errors do. */
export function tellNotFinite(): Unprocessable {
  return new Unprocessable('the network draws numbers that are not finite', {
    expected: 'a checkpoint of a training that went well',
    hint: 'take an earlier checkpoint; a network that was trained in f32 may need f32 to draw, too',
    details: { not_finite: true },
  });
}

/** Whether the error is {@link tellNotFinite}, also of another process. */
export function isNotFinite(error: unknown): error is AppError {
  return error instanceof AppError && error.details.not_finite === true;
}
