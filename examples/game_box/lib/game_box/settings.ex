defmodule GameBox.Settings do
  @moduledoc """
  What whoever runs the box decides: application environment first, then variables of the system, then defaults.

  | setting | variable | means |
  | --- | --- | --- |
  | `:port` | `GAME_BOX_PORT` | the port of the pages; 4000 |
  | `:ip` | `GAME_BOX_IP` | the address listened on; loopback |
  | `:data` | `GAME_BOX_DATA` | the folder of the database; `data` |
  | `:hosts` | `GAME_BOX_HOSTS` | names under which browsers reach the box, with commas |
  | `:https` | `GAME_BOX_HTTPS` | 1 if a proxy in front speaks TLS: cookies are sent over TLS only |
  | `:proxy` | `GAME_BOX_PROXY` | 1 if a proxy in front adds `X-Forwarded-For` |
  | `:nodes` | `GAME_BOX_NODES` | all nodes of the cluster, the founder first |
  | `:name` | `GAME_BOX_NAME` | the name of this node, `box1@127.0.0.1`; none if it is alone |
  | `:dist_ip` | `GAME_BOX_DIST_IP` | the address on which nodes reach this one; loopback |
  | `:cookie` | `GAME_BOX_COOKIE` | a file with the secret that the nodes share |
  | `:urls` | `GAME_BOX_URLS` | where the nodes' pages are, for browsers whose node died |
  """

  @doc "The port of the pages."
  @spec port() :: :inet.port_number()
  def port, do: get(:port, "GAME_BOX_PORT", 4000, &String.to_integer/1)

  @doc "The address listened on."
  @spec ip() :: :inet.ip_address()
  def ip, do: get(:ip, "GAME_BOX_IP", {127, 0, 0, 1}, &parse_ip/1)

  @doc "The folder of the database."
  @spec data() :: Path.t()
  def data, do: get(:data, "GAME_BOX_DATA", "data", & &1)

  @doc "Host names that requests may be for. Any other is refused, so that no foreign name can point here."
  @spec hosts() :: [String.t()]
  def hosts, do: ["127.0.0.1", "localhost", "[::1]"] ++ get(:hosts, "GAME_BOX_HOSTS", [], &words/1)

  @doc "Whether browsers speak TLS with whatever stands in front."
  @spec https?() :: boolean()
  def https?, do: get(:https, "GAME_BOX_HTTPS", false, &(&1 == "1"))

  @doc "Whether a proxy says for whom it asks."
  @spec proxy?() :: boolean()
  def proxy?, do: get(:proxy, "GAME_BOX_PROXY", false, &(&1 == "1"))

  @doc "All nodes of the cluster, the founder first; none if this node is alone."
  @spec nodes() :: [node()]
  def nodes, do: get(:nodes, "GAME_BOX_NODES", [], fn text -> Enum.map(words(text), &String.to_atom/1) end)

  @doc "The name of this node, if it is not alone."
  @spec name() :: node() | nil
  def name, do: get(:name, "GAME_BOX_NAME", nil, &String.to_atom/1)

  @doc "The address on which other nodes reach this one."
  @spec dist_ip() :: :inet.ip_address()
  def dist_ip, do: get(:dist_ip, "GAME_BOX_DIST_IP", {127, 0, 0, 1}, &parse_ip/1)

  @doc "The file of the secret that the nodes share; a command line would show it to all users of the machine."
  @spec cookie() :: Path.t() | nil
  def cookie, do: get(:cookie, "GAME_BOX_COOKIE", nil, & &1)

  @doc "Where the pages of all nodes are."
  @spec urls() :: [String.t()]
  def urls, do: get(:urls, "GAME_BOX_URLS", [], &words/1)

  @doc "How often each address may do something in a minute; tests change it."
  @spec rate(atom()) :: pos_integer()
  def rate(what), do: Map.get(Application.get_env(:game_box, :rates, %{}), what, GameBox.Limits.rate(what))

  defp get(key, variable, default, parse) do
    case {Application.fetch_env(:game_box, key), System.get_env(variable)} do
      {{:ok, value}, _} -> value
      {:error, text} when text in [nil, ""] -> default
      {:error, text} -> parse.(text)
    end
  end

  defp words(text), do: String.split(text, [",", " "], trim: true)

  defp parse_ip(text) do
    case :inet.parse_address(to_charlist(text)) do
      {:ok, address} -> address
      {:error, _} -> raise ArgumentError, "not an address: #{text}"
    end
  end
end
