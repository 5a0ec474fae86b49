defmodule GameBox.Web do
  @moduledoc """
  The web server of a node: mochiweb, with every request handed to `GameBox.Web.Router`.

  Must not know: routes. Invariant: a connection that sends or takes nothing for long is closed.
  """

  @connections_max 2048

  @doc false
  def child_spec(options), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}}

  @doc "Starts the server. Port 0 is any free port; `port/0` tells which."
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, term()}
  def start_link(options) do
    GameBox.Web.Assets.load()
    loop = &GameBox.Web.Router.serve/1

    :mochiweb_http.start_link(
      name: __MODULE__,
      ip: options[:ip],
      port: options[:port],
      loop: loop,
      max: @connections_max,
      nodelay: true
    )
  end

  @doc "The port that is listened on."
  @spec port() :: :inet.port_number()
  def port, do: :mochiweb_socket_server.get(__MODULE__, :port)
end
