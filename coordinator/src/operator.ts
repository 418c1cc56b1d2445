/** Who is at this terminal, as agents write it into their events: `ann@admin1`. */
import { hostname, userInfo } from 'node:os';

export function operatorName(environment: NodeJS.ProcessEnv = process.env): string {
  return `${environment.SUDO_USER ?? userInfo().username}@${hostname()}`;
}
