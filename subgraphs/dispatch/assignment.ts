/**
 * The cheapest assignment of rows to columns, exactly: the linear assignment problem for rectangular matrices, by shortest augmenting paths.
 *
 * Source: R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems", Computing 38 (1987); in the
 * rectangular form of D. F. Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES 52 (2016). O(n² m) at worst for n ≤ m.
 *
 * How it works: rows are assigned one after the other. `u` and `v` are prices of rows and columns such that cost − u − v is never negative, and zero on
 * assigned pairs; that makes every state the cheapest for the rows assigned so far. To add a row, Dijkstra's search runs over those reduced costs from the
 * row to the nearest free column, going back from an assigned column to its row; along the path found, every row moves to the next column.
 */

/** A pair that must not be: pass `Infinity`. As many rows as possible are assigned, and of those ways the cheapest is taken. */
const UNASSIGNED = -1;

/**
 * @param costs row by row, `rows × columns`; finite and not negative, or Infinity for a pair that is not allowed. Whole numbers give exact results: all
 *   sums stay below 2⁵³ as long as rows × (rows × largest cost) does
 * @returns for each row its column, or −1 for a row that cannot be assigned
 */
export function solveAssignment(costs: Float64Array, rows: number, columns: number): Int32Array {
  if (costs.length !== rows * columns) throw new Error(`a matrix of ${rows} × ${columns} has ${rows * columns} costs, not ${costs.length}`);
  if (rows === 0 || columns === 0) return new Int32Array(rows).fill(UNASSIGNED);
  const finite = withoutInfinity(costs, Math.min(rows, columns));
  if (rows <= columns) return withoutForbidden(costs, columns, assignRows(finite, rows, columns));
  const rowOfColumn = assignRows(transposed(finite, rows, columns), columns, rows);
  const columnOfRow = new Int32Array(rows).fill(UNASSIGNED);
  for (let column = 0; column < columns; column += 1) columnOfRow[rowOfColumn[column] as number] = column;
  return withoutForbidden(costs, columns, columnOfRow);
}

/** Forbidden pairs cost more than all allowed ones together, so that one is taken only when there is no other way; it is dropped afterwards. */
function withoutInfinity(costs: Float64Array, pairs: number): Float64Array {
  let largest = 0;
  for (let i = 0; i < costs.length; i += 1) {
    const cost = costs[i] as number;
    if (!(cost >= 0)) throw new Error(`a cost is not negative, and not ${cost}`);
    if (cost !== Infinity && cost > largest) largest = cost;
  }
  const forbidden = (largest + 1) * (pairs + 1);
  const finite = costs.slice();
  for (let i = 0; i < finite.length; i += 1) if (finite[i] === Infinity) finite[i] = forbidden;
  return finite;
}

function withoutForbidden(costs: Float64Array, columns: number, columnOfRow: Int32Array): Int32Array {
  return columnOfRow.map((column, row) => (column >= 0 && costs[row * columns + column] !== Infinity ? column : UNASSIGNED));
}

function transposed(costs: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(costs.length);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) turned[column * rows + row] = costs[row * columns + column] as number;
  return turned;
}

/** Prices, assignment and the working arrays of one problem with rows ≤ columns and finite costs. */
interface Problem {
  costs: Float64Array;
  columns: number;
  u: Float64Array;
  v: Float64Array;
  columnOfRow: Int32Array;
  rowOfColumn: Int32Array;
  /** Length of the shortest path found to each column, and the row that it comes from. */
  distance: Float64Array;
  cameFrom: Int32Array;
  /** Columns not yet reached for good are `open[0 .. left)`. */
  open: Int32Array;
  /** Columns that the search has finished with, and rows that it went through, in order. */
  done: Int32Array;
  finished: number;
  seenRows: Int32Array;
  seen: number;
}

/** The algorithm itself: every row gets a column. */
function assignRows(costs: Float64Array, rows: number, columns: number): Int32Array {
  const problem: Problem = {
    costs,
    columns,
    u: new Float64Array(rows),
    v: new Float64Array(columns),
    columnOfRow: new Int32Array(rows).fill(UNASSIGNED),
    rowOfColumn: new Int32Array(columns).fill(UNASSIGNED),
    distance: new Float64Array(columns),
    cameFrom: new Int32Array(columns),
    open: new Int32Array(columns),
    done: new Int32Array(columns),
    finished: 0,
    seenRows: new Int32Array(rows),
    seen: 0,
  };
  for (let row = 0; row < rows; row += 1) {
    const { sink, length } = findPath(problem, row);
    reprice(problem, row, length);
    augment(problem, row, sink);
  }
  return problem.columnOfRow;
}

/** Dijkstra from a new row to the nearest free column over reduced costs; each assigned column leads on to its row at no cost. */
function findPath(problem: Problem, newRow: number): { sink: number; length: number } {
  const { costs, columns, u, v, rowOfColumn, distance, cameFrom, open, done, seenRows } = problem;
  distance.fill(Infinity);
  for (let k = 0; k < columns; k += 1) open[k] = k;
  problem.seen = 0;
  problem.finished = 0;
  let left = columns;
  let reached = 0;
  for (let row = newRow; ; ) {
    seenRows[problem.seen] = row;
    problem.seen += 1;
    const base = row * columns;
    const offset = reached - (u[row] as number);
    let nearest = Infinity;
    let at = 0;
    for (let k = 0; k < left; k += 1) {
      const column = open[k] as number;
      const through = offset + (costs[base + column] as number) - (v[column] as number);
      if (through < (distance[column] as number)) {
        distance[column] = through;
        cameFrom[column] = row;
      }
      const d = distance[column] as number;
      // Of equals a free column: the search is over there.
      if (d < nearest || (d === nearest && rowOfColumn[column] === UNASSIGNED)) {
        nearest = d;
        at = k;
      }
    }
    reached = nearest;
    const column = open[at] as number;
    left -= 1;
    open[at] = open[left] as number;
    if (rowOfColumn[column] === UNASSIGNED) return { sink: column, length: reached };
    done[problem.finished] = column;
    problem.finished += 1;
    row = rowOfColumn[column] as number;
  }
}

/** New prices: what was reached more cheaply than the sink becomes as dear as it, so that the path's pairs have reduced cost zero and none is negative. */
function reprice(problem: Problem, newRow: number, length: number): void {
  const { u, v, columnOfRow, distance, done, seenRows } = problem;
  u[newRow] = (u[newRow] as number) + length;
  for (let k = 1; k < problem.seen; k += 1) {
    const row = seenRows[k] as number;
    u[row] = (u[row] as number) + length - (distance[columnOfRow[row] as number] as number);
  }
  for (let k = 0; k < problem.finished; k += 1) {
    const column = done[k] as number;
    v[column] = (v[column] as number) - length + (distance[column] as number);
  }
}

/** Back along the path: each row takes the column that was found through it, and leaves its own to the row before. */
function augment({ columnOfRow, rowOfColumn, cameFrom }: Problem, newRow: number, sink: number): void {
  for (let column = sink; ; ) {
    const row = cameFrom[column] as number;
    rowOfColumn[column] = row;
    const before = columnOfRow[row] as number;
    columnOfRow[row] = column;
    if (row === newRow) return;
    column = before;
  }
}
