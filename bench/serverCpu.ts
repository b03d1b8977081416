import { readdirSync, readFileSync } from 'node:fs';
import type postgres from 'postgres';

/** Processor time that the server's processes have used so far, in milliseconds; null where /proc does not tell, or the server is elsewhere. */
export async function serverCpuMs(owner: postgres.Sql): Promise<number | null> {
  try {
    const [row] = await owner`select pg_read_file('postmaster.pid') as file`;
    const postmaster = String(row?.file).split('\n')[0] ?? '';
    let ticks = 0;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const fields = statOf(pid);
      if (pid === postmaster) ticks += Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
      else if (fields[1] === postmaster) ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks * 10;
  } catch {
    return null;
  }
}

/** The fields of /proc/pid/stat behind the name; none for a process that has just ended. */
function statOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
  } catch {
    return [];
  }
}
