# Every path the double answers. /health and /up are missing on purpose: 4.6.0 has neither (facts 3).
# ActionCable mounts itself on /cable.
Rails.application.routes.draw do
  root to: 'dashboard#index'
  get '/app', to: 'dashboard#index'
  get '/app/*params', to: 'dashboard#index', format: false

  get '/api', to: 'api#index'
  get '/widget', to: 'widgets#index'
  post '/auth/sign_in', to: 'auth/sessions#create'

  namespace :installation do
    get :onboarding, to: 'onboarding#index'
    post :onboarding, to: 'onboarding#create'
  end

  get '/super_admin', to: redirect('/super_admin/sign_in', status: 302)
  get '/super_admin/sign_in', to: 'super_admin/sessions#new'

  namespace :api, defaults: { format: :json } do
    namespace :v1 do
      resource :profile, only: [:show] do
        post :reset_access_token
      end
      # No index: GET /api/v1/accounts is 404 (facts 8).
      resources :accounts, only: [:create, :show] do
        scope module: :accounts do
          resources :agents, only: [:index]
        end
      end
    end
    namespace :v2 do
      resources :accounts, only: [:create]
    end
  end
end
