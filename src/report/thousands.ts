/** A count with its thousands apart. The first use of `toLocaleString` alone takes 3 ms. */
export function groupThousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
