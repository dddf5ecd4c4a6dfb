/**
 * Which of a link's two directions works, as far as this end can know; for reports to those who compute routes.
 *
 * That the peer's probes arrive says that peer → here works, whatever becomes of what is sent from here. That nothing
 * sent is answered counts against here → peer, although the answers may be what is lost: this end cannot tell.
 */
export class Directions {
  readonly #unreachableUs: number;
  #heardUs = -Infinity;
  #suspectedUs = -Infinity;
  #silent = false;
  #wasUp = false;
  #triedUs: number | undefined;

  /** `unreachableUs`: so long without any answer, counted from the first try, means that there is no way. */
  constructor(unreachableUs: number) {
    this.#unreachableUs = unreachableUs;
  }

  /** A probe of the peer's active path arrived. */
  heard(nowUs: number): void {
    this.#heardUs = nowUs;
    this.#silent = false;
  }

  suspected(nowUs: number): void {
    this.#suspectedUs = nowUs;
  }

  /** The link was found dead. If nothing at all came since it was suspected, the other direction is as silent. */
  died(): void {
    if (this.#heardUs < this.#suspectedUs) this.#silent = true;
  }

  /** A probe went out. */
  tried(nowUs: number): void {
    this.#triedUs ??= nowUs;
  }

  /** Something was answered. */
  rose(): void {
    this.#wasUp = true;
    this.#triedUs = undefined;
  }

  /** There is no session: what was tried before does not count. */
  stopped(): void {
    this.#triedUs = undefined;
  }

  /** @param patienceUs how long nothing may be heard */
  receiving(nowUs: number, patienceUs: number): boolean {
    return !this.#silent && nowUs - this.#heardUs <= patienceUs;
  }

  sendDead(nowUs: number, up: boolean): boolean {
    if (up) return false;
    return this.#wasUp || (this.#triedUs !== undefined && nowUs - this.#triedUs > this.#unreachableUs);
  }
}
