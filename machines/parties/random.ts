/** Chance. One seed in a simulation, the operating system in production. */
export interface Random {
  /** Lower-case UUID, version 4. */
  uuid(): string;
  /** Integer in 0 … below − 1. */
  integer(below: number): number;
  /** Ten digits: a new scenario id. */
  digits(count: number): string;
}
