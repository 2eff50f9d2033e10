export function MetricsList() {
  return null;
}
